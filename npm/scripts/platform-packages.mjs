// Writes the folders of the platform packages. Run it after a new version or a new platform. `check` compares them.

import { mkdirSync, writeFileSync } from 'node:fs'

import { platformManifest, platformReadme } from './manifests.mjs'
import { PLATFORMS } from './platforms.mjs'
import { inNpm, main } from './run.mjs'

await main(() => {
  for (const platform of Object.keys(PLATFORMS)) {
    mkdirSync(inNpm(platform), { recursive: true })
    writeFileSync(inNpm(platform, 'package.json'), `${JSON.stringify(platformManifest(platform), null, 2)}\n`)
    writeFileSync(inNpm(platform, 'README.md'), platformReadme(platform))
  }
})
