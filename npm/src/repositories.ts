import type { NativeConfig, NativeDatabase, NativeHistory, NativeSkills } from './addon.js'
import * as check from './check.js'
import { type DatabaseLike, hold, type Link, linkTo, noDatabase } from './database.js'
import { attempt } from './errors.js'
import { native } from './native.js'
import type { SkillRecord, SyncConfig, SyncConfigUpdate, SyncFrequency, SyncHistoryEntry, SyncRunResult, SyncStats } from './types.js'

/** Milliseconds between two syncs of each frequency. */
export const FREQUENCY_INTERVALS = Object.freeze({
  daily: native.frequencyInterval('daily'),
  weekly: native.frequencyInterval('weekly'),
}) as { readonly daily: 86400000; readonly weekly: 604800000 }

/** Repositories check that the host's database is still open, then call the addon. */
class Border<Native> {
  readonly #link: Link
  readonly #native: Native

  constructor(owner: object, db: DatabaseLike, make: new (database: NativeDatabase) => Native) {
    // A host whose connection is missing by mistake must not write into the user's own database.
    if (db === undefined) throw noDatabase('db', db)
    this.#link = hold(owner, linkTo(db))
    this.#native = new make(this.#link.use())
  }

  call<T>(body: (native: Native) => T): T {
    this.#link.use()
    return attempt(() => body(this.#native))
  }
}

/**
 * Reads and changes the configuration. Every call is short and blocks on the disk only; a writing one waits at most 100 ms
 * for another writer, then fails with `DATABASE_BUSY`.
 */
export class SyncConfigRepository {
  readonly #border: Border<NativeConfig>

  /** @param db A {@link Database}, a path, or any object whose `name` is the path. */
  constructor(db: DatabaseLike) {
    this.#border = new Border(this, db, native.NativeConfig)
  }

  /** The configuration as it stands. */
  getConfig(): SyncConfig {
    return this.#border.call((config) => config.get())
  }

  /** Changes what `update` names, and returns the result. */
  updateConfig(update: SyncConfigUpdate): SyncConfig {
    const changes = check.object('update', update)
    const enabled = check.optionalBoolean('enabled', changes.enabled)
    const frequency = check.optionalString('frequency', changes.frequency)
    return this.#border.call((config) => config.update(enabled, frequency))
  }

  /** Records a complete sync that started at `timestamp` (ISO 8601) and changed `count` skills; sets when the next is due. */
  setLastSync(timestamp: string, count: number): void {
    const start = check.string('timestamp', timestamp)
    const changed = check.integer('count', count, 0, Number.MAX_SAFE_INTEGER)
    this.#border.call((config) => config.setLastSync(start, changed))
  }

  /** Records why the last sync failed. */
  setLastSyncError(error: string): void {
    const text = check.string('error', error)
    this.#border.call((config) => config.setLastSyncError(text))
  }

  /** Forgets why the last sync failed. */
  clearError(): void {
    this.#border.call((config) => config.clearError())
  }

  /** The time `intervalMs` milliseconds after `lastSyncAt`, as ISO 8601 text. */
  calculateNextSync(lastSyncAt: string, intervalMs: number): string {
    const last = check.string('lastSyncAt', lastSyncAt)
    const interval = check.integer('intervalMs', intervalMs, 0, Number.MAX_SAFE_INTEGER)
    return this.#border.call((config) => config.calculateNextSync(last, interval))
  }

  /** Whether automatic syncing is on and the next sync is due. */
  isSyncDue(): boolean {
    return this.#border.call((config) => config.isSyncDue())
  }

  /** Switches automatic syncing on. */
  enable(): SyncConfig {
    return this.updateConfig({ enabled: true })
  }

  /** Switches automatic syncing off. A sync by hand still works. */
  disable(): SyncConfig {
    return this.updateConfig({ enabled: false })
  }

  /** Changes how often; the next sync moves accordingly. */
  setFrequency(frequency: SyncFrequency): SyncConfig {
    return this.updateConfig({ frequency: check.string('frequency', frequency) as SyncFrequency })
  }
}

/** Reads and writes the history of runs. Every call is short, as in {@link SyncConfigRepository}. */
export class SyncHistoryRepository {
  readonly #border: Border<NativeHistory>

  /** @param db A {@link Database}, a path, or any object whose `name` is the path. */
  constructor(db: DatabaseLike) {
    this.#border = new Border(this, db, native.NativeHistory)
  }

  /** Makes an entry for a run that starts now, and returns its id. */
  startRun(): string {
    return this.#border.call((history) => history.startRun())
  }

  /** Marks a run as successful. */
  completeRun(id: string, result: SyncRunResult): void {
    const run = check.string('id', id)
    const counters = runResult(result)
    this.#border.call((history) => history.completeRun(run, counters))
  }

  /** Marks a run as successful in part. */
  completeRunPartial(id: string, result: SyncRunResult, errorMessage: string): void {
    const run = check.string('id', id)
    const counters = runResult(result)
    const text = check.string('errorMessage', errorMessage)
    this.#border.call((history) => history.completeRunPartial(run, counters, text))
  }

  /** Marks a run as failed. */
  failRun(id: string, error: string): void {
    const run = check.string('id', id)
    const text = check.string('error', error)
    this.#border.call((history) => history.failRun(run, text))
  }

  /** One entry, or `null`. */
  getById(id: string): SyncHistoryEntry | null {
    const run = check.string('id', id)
    return this.#border.call((history) => history.getById(run))
  }

  /** The newest entries first, at most `limit` of them. */
  getHistory(limit = 10): SyncHistoryEntry[] {
    const most = check.integer('limit', limit)
    return this.#border.call((history) => history.getHistory(most))
  }

  /** The newest successful entry, or `null`. */
  getLastSuccessful(): SyncHistoryEntry | null {
    return this.#border.call((history) => history.getLastSuccessful())
  }

  /** The entries that are marked as running, newest first; one whose run has died is marked as failed before. */
  getRunning(): SyncHistoryEntry[] {
    return this.#border.call((history) => history.getRunning())
  }

  /** Whether an entry is marked as running, after the same check. */
  isRunning(): boolean {
    return this.#border.call((history) => history.isRunning())
  }

  /** Deletes the entries that started more than `daysToKeep` days ago. Returns how many. */
  cleanup(daysToKeep = 30): number {
    const days = check.integer('daysToKeep', daysToKeep)
    return this.#border.call((history) => history.cleanup(days))
  }

  /** How many entries there are. */
  count(): number {
    return this.#border.call((history) => history.count())
  }

  /** Figures over the whole history. */
  getStats(): SyncStats {
    return this.#border.call((history) => history.getStats())
  }
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

/** Looks skills up. Every call is short and blocks on the disk only. */
export class SkillRepository {
  readonly #border: Border<NativeSkills>

  /** @param db A {@link Database}, a path, or any object whose `name` is the path. */
  constructor(db: DatabaseLike) {
    this.#border = new Border(this, db, native.NativeSkills)
  }

  /** The skill of that id, or `null`. */
  findById(id: string): SkillRecord | null {
    const skill = check.string('id', id)
    return this.#border.call((skills) => skills.findById(skill))
  }

  /** Whether there is a skill of that id. */
  exists(id: string): boolean {
    const skill = check.string('id', id)
    return this.#border.call((skills) => skills.exists(skill))
  }

  /** How many skills there are, the user's own included. */
  count(): number {
    return this.#border.call((skills) => skills.count())
  }
}
