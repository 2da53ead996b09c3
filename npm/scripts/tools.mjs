// Installs the tools that build and check the JavaScript: TypeScript and others.

import { existsSync } from 'node:fs'

import { committedMain, readJson } from './manifests.mjs'
import { inNpm, npm } from './run.mjs'

/** Installs the versions in the lock file, unless they are installed already. */
export function installTools() {
  const complete = Object.entries(committedMain().devDependencies).every(([name, version]) => {
    const manifest = inNpm('node_modules', name, 'package.json')
    return existsSync(manifest) && readJson(manifest).version === version
  })
  if (!complete) npm(['ci', '--ignore-scripts'])
}
