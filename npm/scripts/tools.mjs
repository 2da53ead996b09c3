// TypeScript and what else the JavaScript side is built and checked with.

import { existsSync } from 'node:fs'

import { committedMain, readJson } from './manifests.mjs'
import { inNpm, npm } from './run.mjs'

/** Installs them as the lock file has them, where they are not there yet. */
export function installTools() {
  const complete = Object.entries(committedMain().devDependencies).every(([name, version]) => {
    const manifest = inNpm('node_modules', name, 'package.json')
    return existsSync(manifest) && readJson(manifest).version === version
  })
  if (!complete) npm(['ci', '--ignore-scripts'])
}
