// Fails if a file is not formatted, or if versions or platform packages do not match. With `--types` it also generates the
// declarations again and compares them with the committed ones.

import { existsSync, readFileSync } from 'node:fs'

import { Failure, inNpm, main, npm } from './run.mjs'
import { installTools } from './tools.mjs'
import { driftOfManifests } from './versions.mjs'

await main(() => {
  installTools()
  npm(['exec', '--', 'biome', 'format', '..'])
  const drift = driftOfManifests()
  if (process.argv.includes('--types')) drift.push(...driftOfTypes())
  if (drift.length > 0) throw new Failure(drift.join('\n       '))
})

/** Generates the declarations in place, so that they are correct afterwards and only need to be committed. */
function driftOfTypes() {
  const read = () => ['src/addon.d.ts', 'index.d.ts'].map((file) => [file, existsSync(inNpm(file)) && readFileSync(inNpm(file), 'utf8')])
  const committed = new Map(read())
  npm(['run', '--silent', 'build'])
  return read()
    .filter(([file, generated]) => committed.get(file) !== generated)
    .map(([file]) => `npm/${file} did not match the sources. It was generated again; commit it.`)
}
