// Publishes the tarballs in `npm/dist`, the platforms' before the main one that asks for them:
// `npm run publish:dist [-- --dry-run]`. What is published already is left out, so that a run that broke off is repeated.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

import { committedMain } from './manifests.mjs'
import { PLATFORMS } from './platforms.mjs'
import { Failure, inNpm, main, npm } from './run.mjs'

await main(() => {
  const isDry = process.argv.includes('--dry-run')
  const { name, version } = committedMain()
  const names = [...Object.keys(PLATFORMS).map((platform) => `${name}-${platform}`), name]
  const tarballs = names.map((each) => [each, inNpm('dist', `${each.replace('@', '').replace('/', '-')}-${version}.tgz`)])
  const missing = tarballs.filter(([, tarball]) => !existsSync(tarball)).map(([each]) => each)
  // A main package without one of its platforms would be broken there for ever: a version is published once.
  if (missing.length > 0) throw new Failure(`npm/dist lacks the tarballs of ${missing.join(', ')}`)

  for (const [each, tarball] of tarballs) {
    if (isPublished(`${each}@${version}`)) process.stderr.write(`${each}@${version} is published already\n`)
    else npm(['publish', tarball, '--ignore-scripts', ...(isDry ? ['--dry-run'] : [])])
  }
})

function isPublished(package_) {
  const child = spawnSync('npm', ['view', package_, 'version'], { encoding: 'utf8', shell: process.platform === 'win32' })
  return child.status === 0 && child.stdout.trim() !== ''
}
