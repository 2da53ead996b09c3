// Wrong use does not compile. An expectation that is not met is an error too.
import {
  BackgroundSyncService,
  Database,
  FREQUENCY_INTERVALS,
  SkillRepository,
  SkillsmithApiClient,
  SkillsmithSyncError,
  startBackgroundSync,
  SyncConfigRepository,
  SyncEngine,
  SyncHistoryRepository,
} from '@skillsmith/sync'

const database = new Database(':memory:')
const config = new SyncConfigRepository(database)
const history = new SyncHistoryRepository(database)
const skills = new SkillRepository(database)
const client = new SkillsmithApiClient()
const engine = new SyncEngine()

// @ts-expect-error a path is a string
new Database(5)
// @ts-expect-error no such option
new Database('x', { readOnly: true })
// @ts-expect-error it cannot be set
database.open = false
// @ts-expect-error a database is needed
new SyncConfigRepository()
// @ts-expect-error null is none
new SyncHistoryRepository(null)
// @ts-expect-error an object without a name is none
new SkillRepository({ path: 'x' })

// @ts-expect-error unknown frequency
config.setFrequency('hourly')
// @ts-expect-error the same
config.updateConfig({ frequency: 'hourly' })
// @ts-expect-error it is set by syncs
config.updateConfig({ lastSyncAt: '2026-01-01T00:00:00.000Z' })
// @ts-expect-error the wrong way round
config.setLastSync(5, '2026-01-01T00:00:00.000Z')
// @ts-expect-error the count is missing
config.setLastSync('2026-01-01T00:00:00.000Z')
// @ts-expect-error an Error is no text
config.setLastSyncError(new Error('x'))
// @ts-expect-error it is a number
config.calculateNextSync('2026-01-01T00:00:00.000Z', '5')
// @ts-expect-error it may be null
const last: string = config.getConfig().lastSyncAt

// @ts-expect-error all counts are needed
history.completeRun('id', { skillsAdded: 1 })
// @ts-expect-error so is the message
history.completeRunPartial('id', { skillsAdded: 1, skillsUpdated: 1, skillsUnchanged: 1 })
// @ts-expect-error it is a number
history.getHistory('5')
// @ts-expect-error it may be null
const id: string = history.getById('id').id
// @ts-expect-error a tier may be any word
const tier: 'verified' | 'community' | undefined = skills.findById('id')?.trustTier
// @ts-expect-error skills are written by syncs
skills.create({ name: 'x' })
// @ts-expect-error no such option
skills.search('git', { limt: 5 })
// @ts-expect-error a list has no offset
skills.list({ offset: 5 })
// @ts-expect-error a text is needed
skills.search()
// @ts-expect-error it is a number
skills.search('git', { limit: 5n })
// @ts-expect-error it may be null
const next: string = skills.list().next

// @ts-expect-error no such option
new SkillsmithApiClient({ url: 'http://x' })
// @ts-expect-error milliseconds are a number
new SkillsmithApiClient({ timeout: '30s' })
// @ts-expect-error no such option
void client.search({ limit: 5, page: 2 })

new SyncEngine({
  // @ts-expect-error it cannot search
  apiClient: { isOffline: () => false, checkHealth: async () => ({ status: 'healthy' as const, timestamp: '', version: '' }) },
})
// @ts-expect-error a client alone is no set of options
new SyncEngine(client)
// @ts-expect-error three repositories are needed
new SyncEngine(client, skills, config)
// @ts-expect-error a path is no repository
new SyncEngine(client, 'skills.db', config, history)
// @ts-expect-error no such option
void engine.sync({ page: 5 })
// @ts-expect-error a controller is no signal
void engine.sync({ signal: new AbortController() })
// @ts-expect-error no such phase
void engine.sync({ onProgress: ({ phase }) => phase === 'done' })
// @ts-expect-error the result is promised
engine.sync().success

// @ts-expect-error the wrong way round
new BackgroundSyncService(config, engine)
// @ts-expect-error no such option
new BackgroundSyncService(engine, config, { interval: 5 })
// @ts-expect-error it is told a result
new BackgroundSyncService(engine, config, { onSyncComplete: (text: string) => text })
// @ts-expect-error no such option
startBackgroundSync({ database })
// @ts-expect-error no such code
const isOdd = (error: SkillsmithSyncError) => error.code === 'ODD'
// @ts-expect-error no such code
new SkillsmithSyncError('why', 'ODD')
// @ts-expect-error for ever
FREQUENCY_INTERVALS.daily = 5

export { id, isOdd, last, next, tier }

// The sync endpoint alone will do.
new SyncEngine({
  apiClient: { isOffline: () => false, checkHealth: () => ({ status: 'healthy' }), syncRegistry: ({ since }) => ({ data: [], since }) },
})
