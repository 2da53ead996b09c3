// Publishes the tarballs in `npm/dist` that `npm run pack` made from the sources as they are: `npm run publish:dist [-- --dry-run]`. The platform packages come first, because the
// main package depends on them. Skips packages that are already published, so that a failed run can be repeated.

import { spawnSync } from 'node:child_process'

import { committedMain } from './manifests.mjs'
import { PLATFORMS } from './platforms.mjs'
import { Failure, inNpm, main, npm } from './run.mjs'
import { sourcesHash } from './sources.mjs'
import { refusalOf, tagOf } from './stamps.mjs'

await main(() => {
  const isDry = process.argv.includes('--dry-run')
  const { name, version } = committedMain()
  const names = [...Object.keys(PLATFORMS).map((platform) => `${name}-${platform}`), name]
  const tarballs = names.map((each) => [each, inNpm('dist', `${each.replace('@', '').replace('/', '-')}-${version}.tgz`)])
  const sources = sourcesHash()
  const refused = tarballs.map(([each, tarball]) => [each, refusalOf(tarball, sources)]).filter(([, reason]) => reason)
  // A version can be published only once, so a main package without a platform would stay broken on it.
  if (refused.length > 0) {
    const reasons = refused.map(([each, reason]) => `${each}: ${reason}`)
    throw new Failure(`npm/dist cannot be published. Run npm run pack first.\n       ${reasons.join('\n       ')}`)
  }

  for (const [each, tarball] of tarballs) {
    if (isPublished(`${each}@${version}`)) process.stderr.write(`${each}@${version} is already published\n`)
    else npm(['publish', tarball, '--ignore-scripts', '--tag', tagOf(version), ...(isDry ? ['--dry-run'] : [])])
  }
})

function isPublished(package_) {
  const child = spawnSync('npm', ['view', package_, 'version'], { encoding: 'utf8', shell: process.platform === 'win32' })
  return child.status === 0 && child.stdout.trim() !== ''
}
