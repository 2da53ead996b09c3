// What a host does with the package in any runtime: syncs, in the async context of its call, and reads.
//
// Usage: runtime.cjs PATH BASE_URL
const { AsyncLocalStorage } = require('node:async_hooks')
const { Database, SkillRepository, SkillsmithApiClient, SyncConfigRepository, SyncEngine, SyncHistoryRepository } = require('../../../npm')

const [path, baseUrl] = process.argv.slice(-2)

async function main() {
  const db = new Database(path)
  const context = new AsyncLocalStorage()
  const seen = new Set()
  const engine = new SyncEngine({ db, apiClient: new SkillsmithApiClient({ baseUrl }) })
  const onProgress = () => void seen.add(context.getStore())
  const result = await context.run('of the call', () => engine.sync({ onProgress }))
  const again = await engine.sync()
  const config = new SyncConfigRepository(db)
  let refused
  try {
    config.setFrequency('hourly')
  } catch (error) {
    refused = error.code
  }
  const abort = new AbortController()
  abort.abort(new Error('no'))
  const cancelled = await engine.sync({ signal: abort.signal })
  const told = {
    result: [result.success, result.skillsAdded, again.skillsAdded],
    context: [...seen],
    stored: new SkillRepository(db).count(),
    runs: new SyncHistoryRepository(db).getHistory().map(({ status }) => status),
    frequency: config.getConfig().frequency,
    refused,
    cancelled: [cancelled.code, cancelled.cause?.message],
  }
  db.close()
  console.log(JSON.stringify(told))
}

main()
