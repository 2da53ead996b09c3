// Hosts that compile with `using` need its library; see tsconfig.using.json.
import { BackgroundSyncService, Database, SkillRepository, SyncConfigRepository, SyncEngine, SyncHistoryRepository } from '@skillsmith/sync'

export async function main(): Promise<number> {
  using db = new Database(':memory:')
  using config = new SyncConfigRepository(db)
  using history = new SyncHistoryRepository(db)
  using skills = new SkillRepository(db)
  using engine = new SyncEngine({ db })
  await using service = new BackgroundSyncService(engine, config)
  const disposable: Disposable = engine
  const later: AsyncDisposable = service
  return history.count() + skills.count() + Number(disposable === engine) + Number(later === service)
}
