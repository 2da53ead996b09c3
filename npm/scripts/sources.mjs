// Computes one hash of all sources of the tarballs, so that a test can detect stale ones.

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'

import { LICENSES } from './manifests.mjs'
import { PLATFORMS } from './platforms.mjs'
import { inNpm, inRoot, ROOT } from './run.mjs'

export const SOURCES = [
  ...['Cargo.toml', 'Cargo.lock', 'src', 'bindings/node', 'bindings/sqlite.flags', ...LICENSES].map((name) => inRoot(name)),
  ...['package.json', 'package-lock.json', 'tsconfig.json', 'README.md', 'index.d.ts', 'man', 'src', 'scripts'].map((name) => inNpm(name)),
  ...Object.keys(PLATFORMS).flatMap((platform) => ['package.json', 'README.md'].map((name) => inNpm(platform, name))),
]

export function sourcesHash() {
  const hash = createHash('sha256')
  for (const file of SOURCES.flatMap(filesIn)) {
    hash
      .update(`${relative(ROOT, file)}\0`)
      .update(readFileSync(file))
      .update('\0')
  }
  return hash.digest('hex')
}

function filesIn(path) {
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesIn(join(path, name)))
}
