// Fails where a file is not formatted, or something generated, or said twice, has drifted: versions, the platforms' packages,
// and with `--types` the committed declarations, which are generated anew for that.

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

/** In place, since the commands that generate them say where to. What was wrong is right afterwards, and to be committed. */
function driftOfTypes() {
  const read = () => ['src/addon.d.ts', 'index.d.ts'].map((file) => [file, existsSync(inNpm(file)) && readFileSync(inNpm(file), 'utf8')])
  const committed = new Map(read())
  npm(['run', '--silent', 'build'])
  return read()
    .filter(([file, generated]) => committed.get(file) !== generated)
    .map(([file]) => `npm/${file} was not what is generated from the sources; now it is`)
}
