// Writes npm/src/addon.d.ts from the files that the derive macros wrote to NAPI_TYPE_DEF_TMP_FOLDER during the build.

import { writeFileSync } from 'node:fs'

import { generateTypeDef } from '@napi-rs/cli'

import { inNpm, main } from './run.mjs'

await main(async () => {
  const folder = process.env.NAPI_TYPE_DEF_TMP_FOLDER
  const { dts } = await generateTypeDef({ typeDefDir: folder, cwd: inNpm('.') })
  writeFileSync(inNpm('src/addon.d.ts'), dts)
})
