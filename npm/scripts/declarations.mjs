// Writes npm/src/addon.d.ts from what the derive macros noted while the addon was compiled (NAPI_TYPE_DEF_TMP_FOLDER).

import { writeFileSync } from 'node:fs'

import { generateTypeDef } from '@napi-rs/cli'

import { inNpm, main } from './run.mjs'

await main(async () => {
  const folder = process.env.NAPI_TYPE_DEF_TMP_FOLDER
  const { dts } = await generateTypeDef({ typeDefDir: folder, cwd: inNpm('.') })
  writeFileSync(inNpm('src/addon.d.ts'), dts)
})
