// Makes the tarballs that are published: `npm run pack [-- platform|main …]`. Without names those of this machine's
// platform and the main one. They lie in `npm/dist` afterwards. With `--if-stale` nothing is done where they do already,
// made of the same sources.

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
import { installTools } from './tools.mjs'
import { driftOfManifests } from './versions.mjs'

const DIST = inNpm('dist')
const STAMP = join(DIST, 'sources.sha256')

await main(() => {
  const asked = process.argv.slice(2).filter((argument) => argument !== '--if-stale')
  const wanted = asked.length > 0 ? asked : [hostPlatform(), 'main']
  const unknown = wanted.filter((name) => name !== 'main' && !PLATFORMS[name])
  if (unknown.length > 0) throw new Failure(`there is no platform ${unknown.join(', ')}; there are ${Object.keys(PLATFORMS).join(', ')}`)
  const drift = driftOfManifests()
  if (drift.length > 0) throw new Failure(drift.join('\n'))

  const before = stampOf(wanted)
  if (process.argv.includes('--if-stale') && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === before) return
  rmSync(DIST, { recursive: true, force: true })
  mkdirSync(DIST)
  // The quick one first: a mistake in TypeScript should not cost minutes.
  if (wanted.includes('main')) packMain()
  for (const name of wanted) if (name !== 'main') packPlatform(name)
  // Whoever edits while this runs gets tarballs that belong to no state of the sources.
  if (stampOf(wanted) === before) writeFileSync(STAMP, before)
  for (const tarball of readdirSync(DIST).filter((name) => name.endsWith('.tgz'))) say(`npm/dist/${tarball}`)
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
    // Not from `lib` here, which may have files of yesterday. That the types are the generated ones is what `check` tells.
    npm(['exec', '--', 'tsc', '--outDir', join(folder, 'lib')])
    for (const name of ['index.d.ts', 'README.md']) cpSync(inNpm(name), join(folder, name))
  })
}

/** Packs a folder of its own, so that a published package.json may differ from the committed one. */
function packFolder(manifest, fill) {
  const folder = mkdtempSync(join(tmpdir(), 'skillsmith-pack-'))
  try {
    fill(folder)
    for (const license of LICENSES) cpSync(inRoot(license), join(folder, license))
    writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
    for (const file of manifest.files) {
      if (!existsSync(join(folder, file))) throw new Failure(`${manifest.name} lacks ${file}`)
    }
    npm(['pack', folder, '--pack-destination', DIST, '--silent', '--ignore-scripts'])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function say(text) {
  process.stderr.write(`${text}\n`)
}
