// The addon as it is published, for the benchmarks.

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const platform = `${process.platform}-${process.arch}${process.platform === 'linux' ? '-gnu' : ''}`

/** Unpacks it into `folder`, and gives its path. */
export function packedAddon(folder) {
  const dist = join(dirname(fileURLToPath(import.meta.url)), '../../../npm/dist')
  const tarball = existsSync(dist) && readdirSync(dist).find((name) => name.includes(platform) && name.endsWith('.tgz'))
  if (!tarball) {
    console.error(`There is no package for ${platform} in npm/dist: run \`npm run pack\` in npm/ first.`)
    process.exit(1)
  }
  spawnSync('tar', ['-xzf', join(dist, tarball), '-C', folder], { stdio: 'inherit' })
  return join(folder, `package/skillsmith-sync.${platform}.node`)
}
