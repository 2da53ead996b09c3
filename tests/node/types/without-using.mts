// A host that compiles without `using`.
import { Database, SyncEngine } from '@skillsmith/sync'

export const close = (db: Database): void => db.close()
export const engine: SyncEngine = new SyncEngine({ db: ':memory:' })
