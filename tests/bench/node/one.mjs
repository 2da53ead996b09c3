// One sync of one engine in a process of its own: node one.mjs ours|typescript|empty URL DATABASE [force]. Prints what it cost.

import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const [who, baseUrl, path, mode] = process.argv.slice(2)
const root = join(dirname(fileURLToPath(import.meta.url)), '../../..')
const options = { force: mode === 'force' }

let loaded = 0
const sync = await { ours, typescript, empty: () => async () => ({ totalProcessed: 0, success: true }) }[who]()

let last = performance.now()
let stall = 0
const look = () => {
  const now = performance.now()
  stall = Math.max(stall, now - last)
  last = now
}
const timer = setInterval(look, 1)
// A first tick, so that what starting up took is not counted.
await new Promise((resolve) => setTimeout(resolve, 20))
stall = 0
const cpu = process.cpuUsage()
const start = performance.now()
const { success, totalProcessed, skillsAdded, skillsUpdated } = await sync()
look()
const wall = performance.now() - start
const { user, system } = process.cpuUsage(cpu)
clearInterval(timer)
console.log(
  JSON.stringify({
    wall,
    cpu: (user + system) / 1_000,
    stall,
    loaded,
    peak: process.resourceUsage().maxRSS / 1_024,
    success,
    totalProcessed,
    skillsAdded,
    skillsUpdated,
  }),
)

async function ours() {
  const require = createRequire(import.meta.url)
  const begun = performance.now()
  const { SkillsmithApiClient, SyncEngine } = require(join(root, 'npm'))
  loaded = performance.now() - begun
  const engine = new SyncEngine({ db: path, apiClient: new SkillsmithApiClient({ baseUrl, offlineMode: false }) })
  return () => engine.sync({ ...options, onProgress() {} })
}

async function typescript() {
  const begun = performance.now()
  const load = (file) => import(pathToFileURL(join(root, 'tests/node/node_modules/@skillsmith/core/dist/src', file)).href)
  const [schema, config, history, skills, sync, api] = await Promise.all(
    [
      'db/schema.js',
      'repositories/SyncConfigRepository.js',
      'repositories/SyncHistoryRepository.js',
      'repositories/SkillRepository.js',
      'sync/SyncEngine.js',
      'api/client.js',
    ].map(load),
  )
  loaded = performance.now() - begun
  const db = schema.createDatabase(path)
  const client = new api.SkillsmithApiClient({ baseUrl, anonKey: 'none', offlineMode: false })
  const engine = new sync.SyncEngine(
    client,
    new skills.SkillRepository(db),
    new config.SyncConfigRepository(db),
    new history.SyncHistoryRepository(db),
  )
  return () => engine.sync({ ...options, onProgress() {} })
}
