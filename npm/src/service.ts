import { Backoff } from './backoff.js'
import * as check from './check.js'
import { allowExit, errorOf, SyncEngine } from './engine.js'
import { messageOf, SkillsmithSyncError, toError } from './errors.js'
import { refusalOfCopy } from './host-database.js'
import { type HostResult, plainResult } from './host-result.js'
import type { SyncConfigRepository } from './repositories.js'
import { printLine } from './stderr.js'
import type { SyncConfig, SyncOptions, SyncResult } from './types.js'

/** Options of a {@link BackgroundSyncService}. */
export interface BackgroundSyncOptions {
  /** Milliseconds between two checks. Default: 60,000. */
  checkIntervalMs?: number | undefined
  /** Whether `start` checks at once. Default: true. */
  syncOnStart?: boolean | undefined
  /**
   * Called with the result of every sync, also of a failed one, but not where another sync was faster. If it throws or rejects,
   * `onSyncError` gets the error.
   */
  onSyncComplete?: ((result: SyncResult) => void | Promise<void>) | undefined
  /**
   * Called with the reason when a sync does not succeed, unless `stop` has cancelled it, and once for each new reason why a check
   * fails; never before `start` has returned. Default: writes one line to stderr.
   */
  onSyncError?: ((error: Error) => void | Promise<void>) | undefined
  /** Whether to log what the service does to stderr. Default: false. */
  debug?: boolean | undefined
}

/** State of a {@link BackgroundSyncService}. */
export interface BackgroundSyncState {
  /** Whether the service is started. */
  isStarted: boolean
  /** Whether a sync of this service is running, or the callbacks that are told of its end. */
  isRunning: boolean
  /** Result of the last sync; `null` before the first. */
  lastResult: SyncResult | null
  /** Error of the last check, if it failed, else of the last sync; `null` if it succeeded. */
  lastError: Error | null
  /** Number of checks by the timer. */
  checksPerformed: number
  /** Number of syncs started, including manual ones. */
  syncsTriggered: number
}

/** A {@link SyncEngine}, or an object of the host with a `sync` method. */
export type EngineLike = SyncEngine | { sync(options?: SyncOptions): Promise<HostResult> | HostResult }

/**
 * A {@link SyncConfigRepository}, or an object of the host with the same two methods.
 *
 * With a {@link SyncEngine}, such an object can only delay a sync: the sync must also be due in the database of the engine,
 * and the backoff after a failure must be over.
 */
export type ScheduleLike = SyncConfigRepository | { getConfig(): SyncConfig; isSyncDue(): boolean }

const DEFAULT_CHECK_INTERVAL_MS = 60_000
/** The longest delay that a timer accepts. */
const MAX_DELAY_MS = 2 ** 31 - 1
/** How long a signal waits for running syncs, and `stop` for an engine of the host. */
export const SHUTDOWN_GRACE_MS = 400
/** How long a promise of a callback counts as running: one that never settles must not end the syncs. */
const CALLBACK_LIMIT_MS = 60_000
/** How many reasons for failed checks are told before a check succeeds. Texts may differ without end. */
const MAX_TOLD_REASONS = 16
const ORIGINAL_SYNC = SyncEngine.prototype.sync

const OPTIONS = ['checkIntervalMs', 'syncOnStart', 'onSyncComplete', 'onSyncError', 'debug'] as const

/** What a {@link BackgroundSyncService} has inside. */
export class Service {
  readonly #engine: EngineLike
  readonly #configRepo: ScheduleLike
  readonly #options: BackgroundSyncOptions & { checkIntervalMs: number; syncOnStart: boolean }
  readonly #state: Omit<BackgroundSyncState, 'lastError'> = {
    isStarted: false,
    isRunning: false,
    lastResult: null,
    checksPerformed: 0,
    syncsTriggered: 0,
  }
  #timer: ReturnType<typeof setInterval> | undefined
  #hooks: ServiceHooks | undefined
  /** Whether a check waits for the `isOffline` promise of a registry. */
  #isChecking = false
  #running: RunningSync | undefined
  /** Whether `start` has not returned. What it finds wrong is told after that, when the host has the service. */
  #isStarting = false
  /** Whether `start` could not check, because the run that `stop` has cancelled had not ended. */
  #checksAfterRun = false
  #syncError: Error | null = null
  #checkError: Error | null = null
  /** The reasons for failed checks that were told since a check succeeded. */
  readonly #toldReasons = new Set<string>()
  /** For engines of the host. A `SyncEngine` stores its backoff in the database, unless that fails. */
  readonly #backoff = new Backoff()

  constructor(engine: EngineLike, configRepo: ScheduleLike, options?: BackgroundSyncOptions) {
    if (!check.hasMethods(engine, 'sync')) throw check.wrongType('engine', 'a SyncEngine or an object with sync', engine)
    if (!check.hasMethods(configRepo, 'getConfig', 'isSyncDue')) {
      throw check.wrongType('configRepo', 'a SyncConfigRepository or an object with getConfig and isSyncDue', configRepo)
    }
    // A schedule from a copy in memory belongs to a host whose next save undoes what our engine has written.
    const refusal = SyncEngine.isOurs(engine) && 'db' in configRepo && refusalOfCopy(configRepo.db, 'configRepo.db')
    if (refusal) throw refusal
    const given = check.tellIgnored('new BackgroundSyncService', check.options(options), OPTIONS)
    this.#engine = engine
    this.#configRepo = configRepo
    this.#options = {
      checkIntervalMs: check.whole('checkIntervalMs', given.checkIntervalMs ?? DEFAULT_CHECK_INTERVAL_MS, 1, MAX_DELAY_MS),
      syncOnStart: check.optionalBoolean('syncOnStart', given.syncOnStart) ?? true,
      onSyncComplete: check.optionalFunction('onSyncComplete', given.onSyncComplete),
      onSyncError: check.optionalFunction('onSyncError', given.onSyncError),
      debug: check.optionalBoolean('debug', given.debug),
    }
  }

  start(): void {
    if (this.#state.isStarted) return
    if (!this.#configRepo.getConfig().enabled) {
      this.#log('automatic syncing is disabled; not started')
      return
    }
    this.#state.isStarted = true
    this.#log('started')
    // Before the check: its engine may stop the service, and start it again.
    this.#timer = setInterval(() => {
      this.#state.checksPerformed += 1
      this.#check()
    }, this.#options.checkIntervalMs)
    this.#timer.unref?.()
    this.#hooks?.started()
    if (!this.#options.syncOnStart) return
    this.#checksAfterRun = this.#running !== undefined
    this.#isStarting = true
    this.#check()
    this.#isStarting = false
  }

  stop(): Promise<void> {
    if (this.#state.isStarted) this.#log('stopped')
    this.#state.isStarted = false
    this.#checksAfterRun = false
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#hooks?.stopped()
    const running = this.#running
    if (!running) return Promise.resolve()
    if (running.isTold) {
      // Nobody waits for promises of callbacks any more.
      this.#release(running)
      return Promise.resolve()
    }
    running.isStopped = true
    running.abort.abort()
    return new Promise((resolve) => {
      // A background sync does not keep the process alive, but the caller may await this promise.
      const hold = setTimeout(resolve, this.#hasOriginalSync() ? MAX_DELAY_MS : SHUTDOWN_GRACE_MS)
      void running.settled.then(() => {
        clearTimeout(hold)
        resolve()
      })
    })
  }

  async manualSync(): Promise<SyncResult> {
    if (this.#running) throw new SkillsmithSyncError('Sync already in progress', 'SYNC_IN_PROGRESS')
    return this.#sync(true)
  }

  getState(): BackgroundSyncState {
    const { isStarted, isRunning, lastResult, checksPerformed, syncsTriggered } = this.#state
    const lastError = this.#checkError ?? this.#syncError
    return { isStarted, isRunning, lastResult, lastError, checksPerformed, syncsTriggered }
  }

  /** Reports an error that came before the start, but not before the caller has the service. */
  report(error: Error): void {
    this.#syncError = error
    queueMicrotask(() => this.#reportError(error))
  }

  attach(hooks: ServiceHooks): void {
    this.#hooks = hooks
  }

  /** Starts a sync if one is due. Never throws, because a timer calls it. */
  #check(): void {
    if (this.#running || this.#isChecking) return
    try {
      const decision = SyncEngine.isOurs(this.#engine) ? SyncEngine.decide(this.#engine) : 'begin'
      if (typeof decision === 'string') this.#act(decision)
      else void this.#actOn(decision)
    } catch (thrown) {
      this.#checkFailed(thrown)
    }
  }

  /** Acts on a decision that comes later. By then the host may have stopped the service, or started a sync itself. */
  async #actOn(decision: Promise<string>): Promise<void> {
    this.#isChecking = true
    try {
      const decided = await decision
      if (this.#state.isStarted && !this.#running) this.#act(decided)
    } catch (thrown) {
      if (this.#state.isStarted) this.#checkFailed(thrown)
    } finally {
      this.#isChecking = false
    }
  }

  #act(decision: string): void {
    const begins = decision === 'begin' && this.#isScheduled()
    this.#checkError = null
    this.#toldReasons.clear()
    if (!begins) return
    this.#sync(false).catch(() => {
      // `#tell` has reported the error.
    })
  }

  /** A check that fails for ever must not do so in silence, nor tell the same every minute. */
  #checkFailed(thrown: unknown): void {
    const error = toError(thrown)
    this.#checkError = error
    this.#log(`could not check: ${messageOf(thrown)}`)
    const reason = messageOf(error)
    if (this.#toldReasons.has(reason) || this.#toldReasons.size >= MAX_TOLD_REASONS) return
    this.#toldReasons.add(reason)
    if (this.#isStarting) queueMicrotask(() => this.#reportError(error))
    else this.#reportError(error)
  }

  /** Also called after the database has decided, because a host may have replaced the methods of the repository. */
  #isScheduled(): boolean {
    const config = this.#configRepo.getConfig()
    const isDue = config.enabled && (!config.lastSyncAt || this.#configRepo.isSyncDue())
    return isDue && !this.#backoff.isWaiting()
  }

  /** Whether the engine is a `SyncEngine` whose `sync` the host has not replaced. */
  #hasOriginalSync(): boolean {
    return SyncEngine.isOurs(this.#engine) && this.#engine.sync === ORIGINAL_SYNC
  }

  /** Calls the engine at once, so that a sync is running when `start` returns. */
  async #sync(isManual: boolean): Promise<SyncResult> {
    const abort = new AbortController()
    this.#state.isRunning = true
    this.#state.syncsTriggered += 1
    this.#log('syncing')
    if (!isManual) allowExit(abort.signal)
    let settle = (): void => {}
    const settled = new Promise<void>((resolve) => {
      settle = resolve
    })
    const running: RunningSync = { abort, isManual, settled, isStopped: false, isTold: false }
    this.#running = running
    const outcome = await this.#outcome(abort.signal)
    let callbacks: Promise<unknown> | undefined
    try {
      callbacks = this.#tell(running, outcome)
    } finally {
      running.isTold = true
      if (!callbacks) this.#release(running)
      settle()
    }
    if (callbacks) {
      await within(CALLBACK_LIMIT_MS, callbacks)
      this.#release(running)
    }
    if ('thrown' in outcome) throw outcome.thrown
    return outcome.result
  }

  async #outcome(signal: AbortSignal): Promise<Outcome> {
    try {
      return { result: plainResult(await this.#engine.sync({ signal })) }
    } catch (thrown) {
      return { thrown }
    }
  }

  /** The next sync may begin. */
  #release(running: RunningSync): void {
    if (this.#running !== running) return
    this.#running = undefined
    this.#state.isRunning = false
    if (!this.#checksAfterRun) return
    this.#checksAfterRun = false
    this.#check()
  }

  /** Records the end of a run and calls the callbacks. Returns what they have not finished yet. */
  #tell(running: RunningSync, outcome: Outcome): Promise<unknown> | undefined {
    const result = 'result' in outcome ? outcome.result : undefined
    const error = outcomeError(outcome)
    if (!running.isManual && error && isRaceLost(error)) {
      // Another process was faster than this check: that sync is as good.
      this.#state.syncsTriggered -= 1
      this.#log('another sync is running')
      return undefined
    }
    this.#state.lastResult = result ?? this.#state.lastResult
    const isCancelled = error !== null && running.isStopped && this.#isOfStop(error)
    if (!isCancelled) {
      this.#syncError = error
      this.#updateBackoff(error)
    }
    this.#log(result ? `synced: ${result.skillsAdded} new, ${result.skillsUpdated} updated` : 'the sync failed')
    const completed = result && this.#notify(this.#options.onSyncComplete, result, (thrown) => this.#reportError(thrown))
    const failed = error && !isCancelled && !completed?.hasThrown ? this.#reportError(error) : undefined
    const pending = [completed?.pending, failed].filter((each) => each !== undefined)
    return pending.length > 0 ? Promise.all(pending) : undefined
  }

  /** Whether `stop` is the reason for that error. What an engine of the host fails with after a stop cannot be told apart. */
  #isOfStop(error: Error): boolean {
    return !this.#hasOriginalSync() || ('code' in error && error.code === 'CANCELLED')
  }

  /** Returns a promise if the callback has returned one. */
  #reportError(failure: Error): Promise<unknown> | undefined {
    const { onSyncError } = this.#options
    if (onSyncError) {
      return this.#notify(onSyncError, failure, (thrown) => printLine(`onSyncError threw: ${messageOf(thrown)}`)).pending
    }
    printLine(messageOf(failure))
    return undefined
  }

  /** Calls a callback of the host. If it throws or rejects, `onError` gets the error. */
  #notify<T>(callback: ((value: T) => unknown) | undefined, value: T, onError: (thrown: Error) => unknown): Notified {
    try {
      const returned = callback?.(value)
      if (!check.hasMethods(returned, 'then')) return { hasThrown: false }
      return { hasThrown: false, pending: Promise.resolve(returned).catch((thrown) => onError(toError(thrown))) }
    } catch (thrown) {
      const pending = onError(toError(thrown))
      return pending === undefined ? { hasThrown: true } : { hasThrown: true, pending: Promise.resolve(pending) }
    }
  }

  #updateBackoff(error: Error | null): void {
    if (error === null || (this.#hasOriginalSync() && this.#isBackoffStored(error))) this.#backoff.clear()
    else this.#backoff.failed(this.#interval())
  }

  /** Whether the database has recorded the backoff after `error`. It has not on a full disk, for example. */
  #isBackoffStored(error: Error): boolean {
    const code = error instanceof SkillsmithSyncError ? error.code : null
    if (code === 'CANCELLED' || code === 'SYNC_IN_PROGRESS' || !SyncEngine.isOurs(this.#engine)) return true
    try {
      const decision = SyncEngine.decide(this.#engine)
      if (typeof decision === 'string') return decision !== 'begin'
      // Nobody awaits this promise.
      decision.catch(() => {})
      return false
    } catch {
      return false
    }
  }

  #interval(): number {
    try {
      return this.#configRepo.getConfig().intervalMs || Number.POSITIVE_INFINITY
    } catch {
      return Number.POSITIVE_INFINITY
    }
  }

  #log(text: string): void {
    if (this.#options.debug) printLine(text)
  }
}

/** What follows the start and the stop of a service. */
export interface ServiceHooks {
  started(): void
  stopped(): void
}

interface RunningSync {
  readonly abort: AbortController
  readonly isManual: boolean
  /** Resolves when the engine has settled and the callbacks have returned. */
  readonly settled: Promise<void>
  /** Whether `stop` has cancelled it. */
  isStopped: boolean
  /** Whether the callbacks have returned. Their promises may be pending. */
  isTold: boolean
}

type Outcome = { readonly result: SyncResult } | { readonly thrown: unknown }

interface Notified {
  readonly hasThrown: boolean
  readonly pending?: Promise<unknown>
}

function outcomeError(outcome: Outcome): Error | null {
  if ('thrown' in outcome) return toError(outcome.thrown)
  return outcome.result.success ? null : errorOf(outcome.result)
}

/** The TypeScript stack has the message only. */
function isRaceLost(error: Error): boolean {
  return ('code' in error && error.code === 'SYNC_IN_PROGRESS') || messageOf(error) === 'Sync already in progress'
}

/** Waits for `pending`, but not longer than that. */
function within(ms: number, pending: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    timer.unref?.()
    const done = (): void => {
      clearTimeout(timer)
      resolve()
    }
    pending.then(done, done)
  })
}
