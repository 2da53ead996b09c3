// Repositories of this library inside the transactions of a connection of the runtime.
//
// Usage: transaction.mjs DRIVER PATH OTHER_PATH
import { createRequire } from 'node:module'

const [driver, path, otherPath] = process.argv.slice(2)
const require = createRequire(import.meta.url)
const { SyncConfigRepository, SyncHistoryRepository } = require('../../../npm')
const { DatabaseSync, Database } = await import(driver)
const open = (file) => (driver === 'bun:sqlite' ? new Database(file) : new DatabaseSync(file))
const db = open(path)
const config = new SyncConfigRepository(db)
const history = new SyncHistoryRepository(db)

const counts = { skillsAdded: 1, skillsUpdated: 2, skillsUnchanged: 3 }
function steps() {
  config.updateConfig({ enabled: false, frequency: 'weekly' })
  history.completeRunPartial(history.startRun(), counts, 'half')
  const { enabled, frequency } = config.getConfig()
  const [{ errorMessage }] = history.getHistory()
  return [enabled, frequency, history.count(), errorMessage]
}

const told = {}
db.exec('BEGIN')
told.rolledBack = steps()
db.exec('ROLLBACK')
const { enabled, frequency } = config.getConfig()
told.afterRollback = [enabled, frequency, history.count()]
db.exec('BEGIN IMMEDIATE')
told.committed = steps()
try {
  history.failRun('sync-none', 'x')
} catch (error) {
  told.refused = error.code
}
db.exec('COMMIT')
db.close()
// After a call of this library; with rows as arrays, where the runtime has that.
const alone = driver === 'bun:sqlite' ? open(otherPath) : new DatabaseSync(otherPath, { returnArrays: true })
const [aloneConfig, aloneHistory] = [new SyncConfigRepository(alone), new SyncHistoryRepository(alone)]
aloneConfig.enable()
alone.exec('PRAGMA locking_mode = EXCLUSIVE; UPDATE sync_config SET last_sync_count = 3')
told.exclusive = [aloneConfig.disable().lastSyncCount, aloneHistory.count()]
alone.exec('BEGIN')
told.exclusive.push(aloneConfig.getConfig().enabled)
alone.exec('COMMIT')
alone.close()
console.log(JSON.stringify(told))
