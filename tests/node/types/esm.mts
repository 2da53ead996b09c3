// Named imports of a host that is an ES module: every name of the contract.
import {
  type ApiClientConfig,
  type BackgroundSync,
  type BackgroundSyncOptions,
  BackgroundSyncService,
  type BackgroundSyncState,
  createApiClient,
  createBackgroundSyncService,
  Database,
  type DatabaseLike,
  type EngineStatus,
  type Freshness,
  FREQUENCY_INTERVALS,
  type HealthStatus,
  type HostRegistry,
  type SkillDetails,
  type SkillListOptions,
  type SkillMatch,
  type SkillPage,
  type SkillRecord,
  SkillRepository,
  type SkillSearchOptions,
  type SkillSearchResults,
  SkillsmithApiClient,
  type SkillsmithErrorCode,
  SkillsmithSyncError,
  type StartBackgroundSyncOptions,
  startBackgroundSync,
  type SyncConfig,
  SyncConfigRepository,
  SyncEngine,
  type SyncFrequency,
  type SyncHistoryEntry,
  SyncHistoryRepository,
  type SyncOptions,
  type SyncProgress,
  type SyncResult,
  version,
} from '@skillsmith/sync'
import * as everything from '@skillsmith/sync'

type IsSame<T, U> = (<X>() => X extends T ? 1 : 2) extends <X>() => X extends U ? 1 : 2 ? true : false

/** Does not compile where the value is of another type, `any` included. */
function exactly<T>() {
  return <U,>(_value: U, ..._same: IsSame<T, U> extends true ? [] : [never]): void => {}
}
// @ts-expect-error it sees what is wrong
exactly<string>()(5 as number)
// @ts-expect-error and what could be anything
exactly<string>()(5 as any)

const database = new Database('skills.db', { readonly: true })
exactly<string>()(database.name)
exactly<boolean>()(database.memory)
exactly<boolean>()(database.open)
exactly<void>()(database.close())
new Database()
new Database(':memory:')

const dbs: DatabaseLike[] = [database, 'skills.db', { name: 'skills.db' }, { name: 'skills.db', open: true } as { name: string }]
dbs.push({ filename: 'skills.db' }, { location: () => 'skills.db' })

for (const db of dbs) {
  const config = new SyncConfigRepository(db)
  exactly<SyncConfig>()(config.getConfig())
  exactly<SyncConfig>()(config.updateConfig({}))
  exactly<SyncConfig>()(config.updateConfig({ enabled: true, frequency: 'weekly' }))
  exactly<void>()(config.setLastSync('2026-01-01T00:00:00.000Z', 1))
  exactly<void>()(config.setLastSyncError('no'))
  exactly<void>()(config.clearError())
  exactly<string>()(config.calculateNextSync('2026-01-01T00:00:00.000Z', 1))
  exactly<boolean>()(config.isSyncDue())
  exactly<SyncConfig>()(config.enable())
  exactly<SyncConfig>()(config.disable())
  exactly<SyncConfig>()(config.setFrequency('daily'))
  exactly<SyncFrequency>()(config.getConfig().frequency)
  exactly<string | null>()(config.getConfig().lastSyncAt)

  const history = new SyncHistoryRepository(db)
  exactly<string>()(history.startRun())
  exactly<void>()(history.completeRun('id', { skillsAdded: 1, skillsUpdated: 2, skillsUnchanged: 3 }))
  exactly<void>()(history.completeRunPartial('id', { skillsAdded: 1, skillsUpdated: 2, skillsUnchanged: 3 }, 'half'))
  exactly<void>()(history.failRun('id', 'no'))
  exactly<SyncHistoryEntry | null>()(history.getById('id'))
  exactly<SyncHistoryEntry[]>()(history.getHistory())
  exactly<SyncHistoryEntry[]>()(history.getHistory(5))
  exactly<SyncHistoryEntry | null>()(history.getLastSuccessful())
  exactly<SyncHistoryEntry[]>()(history.getRunning())
  exactly<boolean>()(history.isRunning())
  exactly<number>()(history.cleanup())
  exactly<number>()(history.cleanup(7))
  exactly<number>()(history.count())
  exactly<number | null>()(history.getStats().averageDurationMs)

  const skills = new SkillRepository(db)
  exactly<boolean>()(skills.exists('a/b'))
  exactly<number>()(skills.count())
  exactly<string | undefined>()(skills.findById('a/b')?.trustTier)
  const wanted: SkillSearchOptions = {
    limit: 5,
    offset: 1,
    category: 'c',
    trustTier: 'verified',
    minScore: 0.5,
    safeOnly: true,
    source: 'local',
  }
  const found: SkillSearchResults = skills.search('git', wanted)
  exactly<SkillMatch[]>()(found.matches)
  exactly<string | null>()(skills.search('git').matches[0]!.snippet)
  exactly<number>()(skills.search('git').matches[0]!.rank)
  exactly<Freshness>()(found.freshness)
  exactly<Freshness>()(skills.freshness())
  exactly<'complete' | 'best-effort' | null>()(skills.freshness().coverage)
  const query: SkillListOptions = { after: 'a/b', limit: 5, safeOnly: undefined }
  exactly<SkillPage>()(skills.list(query))
  exactly<string | null>()(skills.list().next)
  for (const skill of skills.iterate(query)) exactly<SkillRecord>()(skill)
  for (const skill of skills) exactly<string>()(skill.id)
  exactly<SkillDetails | null>()(skills.get('a/b'))
  exactly<string[] | undefined>()(skills.get('a/b')?.categories)

  const settings: ApiClientConfig = {
    baseUrl: 'http://x',
    anonKey: 'a',
    apiKey: 'k',
    jwtToken: 'j',
    timeout: 1,
    maxRetries: 0,
    offlineMode: true,
    debug: false,
  }
  const client: SkillsmithApiClient = createApiClient(settings)
  exactly<Promise<HealthStatus>>()(client.checkHealth())
  exactly<boolean>()(client.isOffline())
  const host: HostRegistry = {
    isOffline: () => false,
    checkHealth: async () => ({ status: 'healthy' }),
    search: ({ limit, offset }) => ({ data: [limit, offset] }),
    syncRegistry: ({ limit, offset, since }) => ({ data: [exactly<number>()(limit), offset, exactly<string | undefined>()(since)] }),
  }

  const engines = [
    new SyncEngine(),
    new SyncEngine({ db, apiClient: host }),
    new SyncEngine({ apiClient: client }),
    new SyncEngine(client, skills, config, history),
    new SyncEngine(host, skills, config, history, 'ignored', 5),
  ]
  const options: SyncOptions = {
    force: true,
    dryRun: false,
    pageSize: 50,
    listing: 'search',
    fullListingEveryMs: 0,
    requestBudget: 5,
    monthlyRequestBudget: 50,
    signal: new AbortController().signal,
    onProgress: (progress: SyncProgress) => exactly<'connecting' | 'fetching' | 'comparing' | 'upserting' | 'complete'>()(progress.phase),
  }
  for (const engine of engines) {
    exactly<Promise<SyncResult>>()(engine.sync())
    exactly<Promise<SyncResult>>()(engine.sync(options))
    exactly<EngineStatus>()(engine.getStatus())
    const background: BackgroundSyncOptions = {
      checkIntervalMs: 1,
      syncOnStart: false,
      onSyncComplete: ({ coverage }) => exactly<'complete' | 'best-effort'>()(coverage),
      onSyncError: ({ message }) => exactly<string>()(message),
      debug: true,
    }
    const service = new BackgroundSyncService(engine, config, background)
    exactly<void>()(service.start())
    exactly<Promise<void>>()(service.stop())
    exactly<BackgroundSyncState>()(service.getState())
    exactly<Promise<SyncResult>>()(service.manualSync())
    exactly<boolean>()(service.isSyncRunning())
    exactly<boolean>()(service.isServiceStarted())
    exactly<BackgroundSyncService>()(createBackgroundSyncService(engine, config))
  }
}

const start: StartBackgroundSyncOptions = { db: database, apiClient: new SkillsmithApiClient(), checkIntervalMs: 5 }
const running: BackgroundSync = startBackgroundSync(start)
exactly<SyncEngine>()(running.engine)
exactly<SyncConfigRepository>()(running.configRepo)
exactly<SyncHistoryRepository>()(running.historyRepo)
exactly<BackgroundSyncService>()(running.service)
exactly<Promise<void>>()(running.stop())

exactly<86400000>()(FREQUENCY_INTERVALS.daily)
exactly<604800000>()(FREQUENCY_INTERVALS.weekly)
exactly<string>()(version)
exactly<string>()(everything.version)

try {
  await running.engine.sync()
} catch (error) {
  if (error instanceof SkillsmithSyncError) {
    exactly<boolean>()(error.retryable)
    exactly<SkillsmithErrorCode>()(error.code)
    const isBusy: boolean = error.code === 'DATABASE_BUSY'
    const isError: Error = error
    void [isBusy, isError]
  }
}

// A host that compiles with exactOptionalPropertyTypes passes on what may be undefined.
export async function passesOn(key: string | undefined, signal: AbortSignal | undefined, enabled: boolean | undefined): Promise<void> {
  const apiClient = new SkillsmithApiClient({ apiKey: key, timeout: undefined })
  await new SyncEngine({ db: key, apiClient }).sync({ signal, onProgress: async () => {} })
  startBackgroundSync({ db: key, signal, onSyncComplete: async () => {}, onSyncError: undefined })
  new SyncConfigRepository('x').updateConfig({ enabled, frequency: undefined })
}
