import type { NativeConfig, NativeDatabase, NativeHistory, NativeSkills, SkillQuery } from './addon.js'
import * as check from './check.js'
import { CONNECTION, type Connection, closable, connect, type DatabaseLike, notADatabase, pathAndState } from './database.js'
import { attempt, SkillsmithSyncError } from './errors.js'
import { disposable, hide, INSPECT } from './internals.js'
import { atHostTime, native } from './native.js'
import { ofThisRealm } from './realm.js'
import type {
  Freshness,
  SkillDetails,
  SkillFilter,
  SkillListOptions,
  SkillPage,
  SkillRecord,
  SkillSearchOptions,
  SkillSearchResults,
  SyncConfig,
  SyncConfigUpdate,
  SyncFrequency,
  SyncHistoryEntry,
  SyncRunResult,
  SyncStats,
} from './types.js'

/** Milliseconds between two syncs of each frequency. */
export const FREQUENCY_INTERVALS = Object.freeze({
  daily: native.frequencyInterval('daily'),
  weekly: native.frequencyInterval('weekly'),
}) as { readonly daily: 86400000; readonly weekly: 604800000 }

const CALL = Symbol('call')
const PAGE = Symbol('page')

/** Calls a repository of the addon, which is made by the first call, because not every database is open before. */
type Call<Native> = <T>(body: (native: Native) => T) => T

interface Prepared<Native> {
  readonly [CONNECTION]: Connection
  readonly [CALL]: Call<Native>
}

/** Each call first checks that the host has not closed its database. */
function prepare<Native>(owner: Prepared<Native>, db: DatabaseLike, create: new (database: NativeDatabase) => Native): void {
  // A host that passes undefined by mistake must not write into the user's default database.
  if (db === undefined) throw notADatabase('db', db)
  const connection = closable(connect(db), 'repository')
  if (!connection.isLater) connection.handle()
  let made: Native | undefined
  hide(owner, CONNECTION, connection)
  hide(owner, CALL, ((body) =>
    connection.call((handle) => {
      made ??= new create(handle)
      const native = made
      atHostTime()
      return ofThisRealm(attempt(() => body(native)))
    })) satisfies Call<Native>)
}

/**
 * Reads and changes the configuration. Calls are short and block on the disk only. A call that writes waits up to 100 ms for
 * another writer, then fails with `DATABASE_BUSY`.
 */
export class SyncConfigRepository {
  /** @internal */
  declare readonly [CONNECTION]: Connection
  /** @internal */
  declare readonly [CALL]: Call<NativeConfig>

  /**
   * @param db A {@link Database}, a path, or any object that has the path.
   * @throws `TypeError` if `db` is none of them, or a copy in memory; see {@link DatabaseLike}.
   */
  constructor(db: DatabaseLike) {
    prepare(this, db, native.NativeConfig)
  }

  /**
   * Closes the repository: later calls fail with `DATABASE_CLOSED`. Closes the database too, if it was given as a path. `using`
   * calls this where the runtime has `Symbol.dispose`.
   */
  close(): void {
    this[CONNECTION].close?.()
  }

  /** Closes it at the end of a block: {@link SyncConfigRepository.close}, for `using`. Missing where the runtime has no `Symbol.dispose`. */
  declare readonly [Symbol.dispose]: () => void;

  /** @internal */
  [INSPECT](): string {
    return `SyncConfigRepository { ${pathAndState(this)} }`
  }

  /** The current configuration. */
  getConfig(): SyncConfig {
    return this[CALL]((config) => config.get())
  }

  /** Changes the settings in `update` and returns the new configuration. */
  updateConfig(update: { [setting in keyof SyncConfigUpdate]: SyncConfigUpdate[setting] | undefined }): SyncConfig {
    const changes = check.own(check.object('update', update))
    const enabled = check.optionalSwitch('enabled', changes.enabled)
    const frequency = check.optionalString('frequency', changes.frequency)
    return this[CALL]((config) => config.update(enabled, frequency))
  }

  /** Records a complete sync that started at `timestamp` (ISO 8601) and changed `count` skills. Schedules the next sync. */
  setLastSync(timestamp: string, count: number): void {
    const start = check.string('timestamp', timestamp)
    const changed = check.integer('count', count, 0, Number.MAX_SAFE_INTEGER)
    this[CALL]((config) => config.setLastSync(start, changed))
  }

  /** Records the error of the last sync. `null` clears it. */
  setLastSyncError(error: string | null): void {
    const text = check.optionalString('error', error)
    if (text === undefined) return this.clearError()
    this[CALL]((config) => config.setLastSyncError(text))
  }

  /** Clears the error of the last sync. */
  clearError(): void {
    this[CALL]((config) => config.clearError())
  }

  /** Returns the time `intervalMs` milliseconds after `lastSyncAt`, in ISO 8601. */
  calculateNextSync(lastSyncAt: string, intervalMs: number): string {
    const last = check.string('lastSyncAt', lastSyncAt)
    const interval = check.whole('intervalMs', intervalMs, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
    return this[CALL]((config) => config.calculateNextSync(last, interval))
  }

  /** Whether automatic syncing is on and the next sync is due. */
  isSyncDue(): boolean {
    return this[CALL]((config) => config.isSyncDue())
  }

  /** The most requests that syncs of this database send in a calendar month (UTC); `null` if there is no bound. */
  getRequestBudget(): number | null {
    return this[CALL]((config) => config.requestBudget())
  }

  /**
   * Sets the most requests that syncs of this database send in a calendar month (UTC), or removes the bound with `null`. A sync
   * that reaches it ends as partial, without an error, and the next one continues from there.
   */
  setRequestBudget(budget: number | null): void {
    const most = budget === null ? null : check.integer('budget', budget, 0, Number.MAX_SAFE_INTEGER)
    this[CALL]((config) => config.setRequestBudget(most))
  }

  /** Enables automatic syncing. */
  enable(): SyncConfig {
    return this.updateConfig({ enabled: true })
  }

  /** Disables automatic syncing. A manual sync still works. */
  disable(): SyncConfig {
    return this.updateConfig({ enabled: false })
  }

  /** Changes the frequency and reschedules the next sync. */
  setFrequency(frequency: SyncFrequency): SyncConfig {
    return this.updateConfig({ frequency: check.string('frequency', frequency) as SyncFrequency })
  }
}

/** Reads and writes the history of runs. Calls are short, as in {@link SyncConfigRepository}. */
export class SyncHistoryRepository {
  /** @internal */
  declare readonly [CONNECTION]: Connection
  /** @internal */
  declare readonly [CALL]: Call<NativeHistory>

  /**
   * @param db A {@link Database}, a path, or any object that has the path.
   * @throws `TypeError` if `db` is none of them, or a copy in memory; see {@link DatabaseLike}.
   */
  constructor(db: DatabaseLike) {
    prepare(this, db, native.NativeHistory)
  }

  /**
   * Closes the repository: later calls fail with `DATABASE_CLOSED`. Closes the database too, if it was given as a path. `using`
   * calls this where the runtime has `Symbol.dispose`.
   */
  close(): void {
    this[CONNECTION].close?.()
  }

  /** Closes it at the end of a block: {@link SyncHistoryRepository.close}, for `using`. Missing where the runtime has no `Symbol.dispose`. */
  declare readonly [Symbol.dispose]: () => void;

  /** @internal */
  [INSPECT](): string {
    return `SyncHistoryRepository { ${pathAndState(this)} }`
  }

  /** Creates an entry for a run that starts now. Returns the id of the run. */
  startRun(): string {
    return this[CALL]((history) => history.startRun())
  }

  /** Marks a run as successful. */
  completeRun(id: string, result: SyncRunResult): void {
    const run = runId(id)
    const counters = runResult(result)
    this[CALL]((history) => history.completeRun(run, counters))
  }

  /** Marks a run as partially successful. */
  completeRunPartial(id: string, result: SyncRunResult, errorMessage: string): void {
    const run = runId(id)
    const counters = runResult(result)
    const text = check.string('errorMessage', errorMessage)
    this[CALL]((history) => history.completeRunPartial(run, counters, text))
  }

  /** Marks a run as failed. */
  failRun(id: string, error: string): void {
    const run = runId(id)
    const text = check.string('error', error)
    this[CALL]((history) => history.failRun(run, text))
  }

  /** The entry of the run, or `null`. */
  getById(id: string): SyncHistoryEntry | null {
    const run = check.soughtId('id', id)
    return run === undefined ? null : this[CALL]((history) => history.getById(run))
  }

  /**
   * Up to `limit` entries, newest first; all if it is negative. A sync of this library whose process has died is told as failed, here and
   * in {@link SyncHistoryRepository.getById}.
   */
  getHistory(limit = 10): SyncHistoryEntry[] {
    const most = Number.isInteger(limit) && limit < 0 ? MAX_ENTRIES : check.integer('limit', limit)
    return this[CALL]((history) => history.getHistory(most))
  }

  /** The newest successful entry, or `null`. */
  getLastSuccessful(): SyncHistoryEntry | null {
    return this[CALL]((history) => history.getLastSuccessful())
  }

  /**
   * The entries of running syncs, newest first. Entries of syncs of this library whose process has died are marked as failed first,
   * others by the next sync, 30 minutes after their start.
   */
  getRunning(): SyncHistoryEntry[] {
    return this[CALL]((history) => history.getRunning())
  }

  /** Whether a sync is running; of entries as in {@link SyncHistoryRepository.getRunning}. */
  isRunning(): boolean {
    return this[CALL]((history) => history.isRunning())
  }

  /** Deletes the entries of runs that started more than `daysToKeep` days ago. Returns the number of deleted entries. */
  cleanup(daysToKeep = 30): number {
    const days = check.integer('daysToKeep', daysToKeep)
    return this[CALL]((history) => history.cleanup(days))
  }

  /** Number of entries. */
  count(): number {
    return this[CALL]((history) => history.count())
  }

  /** Statistics of the whole history. */
  getStats(): SyncStats {
    return this[CALL]((history) => history.getStats())
  }
}

/** More than a history can have. */
const MAX_ENTRIES = 0xffff_ffff

/** The id of a run to end. In the words of the stack, there is no run without one. */
function runId(id: unknown): string {
  if (id === undefined || id === null) throw new SkillsmithSyncError(`Sync run not found: ${id}`, 'RUN_NOT_FOUND')
  return check.string('id', id)
}

function runResult(result: SyncRunResult): SyncRunResult {
  const given = check.object('result', result)
  const counter = (name: keyof SyncRunResult) => check.integer(`result.${name}`, given[name], 0, Number.MAX_SAFE_INTEGER)
  return {
    skillsAdded: counter('skillsAdded'),
    skillsUpdated: counter('skillsUpdated'),
    skillsUnchanged: counter('skillsUnchanged'),
  }
}

/** Finds and reads skills. Calls are short and block on the disk only. */
export class SkillRepository {
  /** @internal */
  declare readonly [CONNECTION]: Connection
  /** @internal */
  declare readonly [CALL]: Call<NativeSkills>

  /**
   * @param db A {@link Database}, a path, or any object that has the path.
   * @throws `TypeError` if `db` is none of them, or a copy in memory; see {@link DatabaseLike}.
   */
  constructor(db: DatabaseLike) {
    prepare(this, db, native.NativeSkills)
  }

  /**
   * Closes the repository: later calls fail with `DATABASE_CLOSED`. Closes the database too, if it was given as a path. `using`
   * calls this where the runtime has `Symbol.dispose`.
   */
  close(): void {
    this[CONNECTION].close?.()
  }

  /** Closes it at the end of a block: {@link SkillRepository.close}, for `using`. Missing where the runtime has no `Symbol.dispose`. */
  declare readonly [Symbol.dispose]: () => void;

  /** @internal */
  [INSPECT](): string {
    return `SkillRepository { ${pathAndState(this)} }`
  }

  /** The skill with this id, or `null`. */
  findById(id: string): SkillRecord | null {
    const skill = check.soughtId('id', id)
    return skill === undefined ? null : this[CALL]((skills) => skills.findById(skill))
  }

  /** Whether a skill with this id exists. */
  exists(id: string): boolean {
    const skill = check.soughtId('id', id)
    return skill !== undefined && this[CALL]((skills) => skills.exists(skill))
  }

  /** Number of skills, including the user's own. */
  count(): number {
    return this[CALL]((skills) => skills.count())
  }

  /**
   * The skills in which every word of `text` is found, the best match first, then the best quality, then by id.
   *
   * Nothing in the text is an operator: quotes, `-`, `*` and `NEAR` are looked for, or are between words. A word matches in all its
   * forms, as the full-text index has them; the last one, if it has three letters, matches every word that begins with it. An empty
   * text leaves nothing out, and the best quality comes first. Waits for no sync, and changes nothing.
   *
   * @throws {@link SkillsmithSyncError} with `INVALID_ARGUMENT` for a text of more than 1,000 characters.
   */
  search(text: string, options?: SkillSearchOptions): SkillSearchResults {
    const words = check.string('text', text)
    const given = check.knownOptions<SkillSearchOptions>('search', options ?? undefined, [...SELECTION, 'offset'])
    const query = { ...selection(given), ...some('offset', check.optionalInteger('offset', given.offset)) }
    return JSON.parse(this[CALL]((skills) => skills.search(words, query)))
  }

  /** A page of all skills, in the order of their ids. Waits for no sync. */
  list(options?: SkillListOptions): SkillPage {
    return this[PAGE](listQuery('list', options))
  }

  /**
   * All skills of a list, read page by page when they are needed: no lock is held in between, so a sync may write meanwhile. What it
   * adds behind the last id is found too. `for (const skill of skills)` goes through all skills.
   */
  iterate(options?: SkillListOptions): Generator<SkillRecord, void, undefined> {
    return records((query) => this[PAGE](query), listQuery('iterate', options))
  }

  /** All skills: {@link SkillRepository.iterate}. */
  [Symbol.iterator](): Generator<SkillRecord, void, undefined> {
    return this.iterate()
  }

  /** The skill with this id, its categories and where it is from, or `null`. */
  get(id: string): SkillDetails | null {
    const skill = check.soughtId('id', id)
    return skill === undefined ? null : JSON.parse(this[CALL]((skills) => skills.get(skill)))
  }

  /** How complete and how old the skills are. Each answer of `search` and `list` says it, too. */
  freshness(): Freshness {
    return JSON.parse(this[CALL]((skills) => skills.freshness()))
  }

  /** @internal */
  [PAGE](query: SkillQuery): SkillPage {
    return JSON.parse(this[CALL]((skills) => skills.list(query)))
  }
}

/** The most skills of an answer. */
const MOST_SKILLS = 1_000

/** The options that a search and a list have in common. */
const SELECTION = ['limit', 'category', 'trustTier', 'minScore', 'safeOnly', 'source'] as const

function selection(given: SkillFilter & { limit?: number | undefined }): SkillQuery {
  return {
    ...some('limit', check.optionalInteger('limit', given.limit, 1, MOST_SKILLS)),
    ...some('category', check.optionalString('category', given.category)),
    ...some('trustTier', check.optionalString('trustTier', given.trustTier)),
    ...some('minScore', check.optionalShare('minScore', given.minScore)),
    ...some('safeOnly', check.optionalBoolean('safeOnly', given.safeOnly)),
    ...some('source', check.optionalString('source', given.source)),
  }
}

function listQuery(caller: string, options: SkillListOptions | null | undefined): SkillQuery {
  const given = check.knownOptions<SkillListOptions>(caller, options ?? undefined, [...SELECTION, 'after'])
  return { ...selection(given), ...some('after', check.optionalString('after', given.after)) }
}

/** A member, if it has a value. */
function some<K extends string, V>(name: K, value: V | undefined): { [key in K]?: V } {
  return value === undefined ? {} : ({ [name]: value } as { [key in K]: V })
}

function* records(read: (query: SkillQuery) => SkillPage, query: SkillQuery): Generator<SkillRecord, void, undefined> {
  let page = read(query)
  yield* page.skills
  while (page.next !== null) {
    page = read({ ...query, after: page.next })
    yield* page.skills
  }
}

disposable(SyncConfigRepository, 'dispose', (repository) => repository.close())
disposable(SyncHistoryRepository, 'dispose', (repository) => repository.close())
disposable(SkillRepository, 'dispose', (repository) => repository.close())
