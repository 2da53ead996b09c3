// Publishes the tarballs in `npm/dist`: `npm run publish:dist [-- --dry-run]`. The platform packages come first, because the
// main package depends on them. Skips packages that are already published, so that a failed run can be repeated.

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
  // A version can be published only once, so a main package without a platform would stay broken on it.
  if (missing.length > 0) throw new Failure(`npm/dist has no tarballs of ${missing.join(', ')}. Run npm run pack first.`)

  for (const [each, tarball] of tarballs) {
    if (isPublished(`${each}@${version}`)) process.stderr.write(`${each}@${version} is already published\n`)
    else npm(['publish', tarball, '--ignore-scripts', ...(isDry ? ['--dry-run'] : [])])
  }
})

function isPublished(package_) {
  const child = spawnSync('npm', ['view', package_, 'version'], { encoding: 'utf8', shell: process.platform === 'win32' })
  return child.status === 0 && child.stdout.trim() !== ''
}
