// Creates the tarballs to publish in `npm/dist`: `npm run pack [-- platform|main …]`. The default is the platform of this
// machine and the main package. With `--if-stale` it does nothing if the tarballs were made from the same sources.

import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { buildAddon } from './addon.mjs'
import { inspectAddon } from './inspect.mjs'
import { thirdPartyLicenses } from './licenses.mjs'
import { committedMain, LICENSES, platformManifest, publishedMain, THIRD_PARTY, withRepository } from './manifests.mjs'
import { addonFile, hostPlatform, PLATFORMS } from './platforms.mjs'
import { Failure, inNpm, inRoot, main, npm } from './run.mjs'
import { sourcesHash } from './sources.mjs'
import { writeStamp } from './stamps.mjs'
import { installTools } from './tools.mjs'
import { driftOfManifests } from './versions.mjs'

const DIST = inNpm('dist')
const STAMP = join(DIST, 'sources.sha256')

await main(() => {
  const asked = process.argv.slice(2).filter((argument) => argument !== '--if-stale')
  const wanted = asked.length > 0 ? asked : [hostPlatform(), 'main']
  const unknown = wanted.filter((name) => name !== 'main' && !PLATFORMS[name])
  if (unknown.length > 0)
    throw new Failure(`unknown platform: ${unknown.join(', ')}. Known platforms: ${Object.keys(PLATFORMS).join(', ')}`)
  const drift = driftOfManifests()
  if (drift.length > 0) throw new Failure(drift.join('\n'))

  const before = stampOf(wanted)
  if (process.argv.includes('--if-stale') && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === before) return
  rmSync(DIST, { recursive: true, force: true })
  mkdirSync(DIST)
  // TypeScript first: its errors show at once, and the Rust build takes minutes.
  if (wanted.includes('main')) packMain()
  for (const name of wanted) if (name !== 'main') packPlatform(name)
  const tarballs = readdirSync(DIST).filter((name) => name.endsWith('.tgz'))
  // An edit during the build makes tarballs that match no state of the sources.
  if (stampOf(wanted) === before) {
    for (const tarball of tarballs) writeStamp(join(DIST, tarball), sourcesHash())
    writeFileSync(STAMP, before)
  }
  for (const tarball of tarballs) say(`npm/dist/${tarball}`)
})

function stampOf(wanted) {
  return `${sourcesHash()} ${[...wanted].sort().join(' ')}\n`
}

function packPlatform(platform) {
  say(`building the addon for ${platform}`)
  const addon = buildAddon(platform)
  const facts = inspectAddon(platform, addon)
  say(
    Object.entries({ platform, ...facts })
      .map(([name, value]) => `${name} ${value}`)
      .join(', '),
  )
  packFolder(withRepository(platformManifest(platform)), (folder) => {
    cpSync(addon, join(folder, addonFile(platform)))
    cpSync(inNpm(platform, 'README.md'), join(folder, 'README.md'))
    writeFileSync(join(folder, THIRD_PARTY), thirdPartyLicenses(PLATFORMS[platform].target))
  })
}

function packMain() {
  installTools()
  packFolder(publishedMain(), (folder) => {
    // Compiled anew, because `lib` may have old files. `check` compares the committed types with the generated ones.
    npm(['exec', '--', 'tsc', '--outDir', join(folder, 'lib')])
    for (const name of ['index.d.ts', 'README.md', 'man']) cpSync(inNpm(name), join(folder, name), { recursive: true })
  })
}

/** Packs a temporary folder, because the published package.json differs from the committed one. */
function packFolder(manifest, fill) {
  const folder = mkdtempSync(join(tmpdir(), 'skillsmith-pack-'))
  try {
    fill(folder)
    for (const license of LICENSES) cpSync(inRoot(license), join(folder, license))
    writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
    for (const file of manifest.files) {
      if (!existsSync(join(folder, file))) throw new Failure(`${manifest.name} has no file ${file}`)
    }
    npm(['pack', folder, '--pack-destination', DIST, '--silent', '--ignore-scripts'])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function say(text) {
  process.stderr.write(`${text}\n`)
}
