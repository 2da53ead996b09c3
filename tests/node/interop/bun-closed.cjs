// Whether a connection of bun:sqlite that the host has closed is closed, once repositories have used it: the last one deletes the log.
//
// Usage: bun-closed.cjs PATH
const { existsSync } = require('node:fs')
const { Database } = require('bun:sqlite')
const { SkillRepository, SyncConfigRepository } = require('../../../npm')

const [path] = process.argv.slice(-1)
const hasLog = () => existsSync(`${path}-wal`)

const db = new Database(path)
db.exec('PRAGMA journal_mode = WAL')
const config = new SyncConfigRepository(db)
config.getConfig()
db.transaction(() => config.enable())()
new SkillRepository(db).count()
const during = hasLog()
config.close()
db.close()
console.log(JSON.stringify([during, hasLog()]))
