// better-sqlite3 and our shared library in one Node process.
//
// rig.mjs LIBRARY SCENARIO SECONDS wal|delete FOLDER: 0 the property holds, 1 it does not, 2 the rig is broken.

import * as load from './load.mjs'
import * as locks from './locks.mjs'
import { Broken, Busy, Failed, Rig, Violation } from './parties.mjs'

const SCENARIOS = { ...locks, ...load }

const [library, scenario, seconds, mode, folder] = process.argv.slice(2)
let status = 0
try {
  if (!SCENARIOS[scenario]) throw new Broken(`no scenario '${scenario}'`)
  await SCENARIOS[scenario](new Rig(library, seconds, mode, folder))
} catch (error) {
  console.error(error)
  const violated = [Violation, Busy, Failed].some((kind) => error instanceof kind)
  if (violated) console.error(`VIOLATED ${scenario} (${mode}): ${error.message}`)
  status = violated ? 1 : 2
}
// An outsider may still be waiting for orders.
process.exit(status)
