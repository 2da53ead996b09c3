// A host in CommonJS: named imports, and the whole.
import { Database, SyncConfigRepository, type SyncConfig } from '@skillsmith/sync'
import sync = require('@skillsmith/sync')

const config: SyncConfig = new SyncConfigRepository(new Database(':memory:')).getConfig()
const engine: sync.SyncEngine = new sync.SyncEngine({ db: ':memory:' })
const result: Promise<sync.SyncResult> = engine.sync()
const interval: 86400000 = sync.FREQUENCY_INTERVALS.daily
// @ts-expect-error there is no such name
const none = sync.NoSuchName
export = { config, result, interval, none }
