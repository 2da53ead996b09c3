// A host that has the database open by its own driver, before, during and after a sync of ours in the same process.
//
// Usage: RUNTIME live.mjs DRIVER PATH BASE_URL
// Hands its connection to our classes as it is. Prints one line of JSON: the result of the sync, what each side saw of
// the other through connections that were open all the time, and how many rows the host has written.
import { SkillRepository, SkillsmithApiClient, SyncConfigRepository, SyncEngine } from '@skillsmith/sync'

const [driver, path, baseUrl] = process.argv.slice(2)
const module = await import(driver)
const Driver = module.DatabaseSync ?? module.Database ?? module.default
const db = new Driver(path)
db.exec('PRAGMA busy_timeout = 5000')
db.exec('CREATE TABLE of_the_host (x)')

let written = 0
const insert = db.prepare('INSERT INTO of_the_host (x) VALUES (?)')
const write = () => {
  insert.run(written)
  written += 1
}

const config = new SyncConfigRepository(db)
const skills = new SkillRepository(db)
const engine = new SyncEngine({ db, apiClient: new SkillsmithApiClient({ baseUrl }) })
write()
const result = await engine.sync({ pageSize: 20, onProgress: write })
write()
db.exec("UPDATE sync_config SET last_sync_error = 'from the host'")
const seenByHost = db.prepare('SELECT count(*) AS n FROM skills').get().n
const seenByUs = { skills: skills.count(), error: config.getConfig().lastSyncError }
db.exec("INSERT INTO skills_fts (skills_fts, rank) VALUES ('integrity-check', 1)")
db.close()
console.log(JSON.stringify({ success: result.success, errors: result.errors, added: result.skillsAdded, seenByHost, seenByUs, written }))
