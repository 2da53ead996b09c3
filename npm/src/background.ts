import * as check from './check.js'
import { allowExit, errorOf, SyncEngine } from './engine.js'
import { messageOf, SkillsmithSyncError, toError } from './errors.js'
import { refusalOfCopy } from './host-database.js'
import { SyncConfigRepository } from './repositories.js'
import type { SyncConfig, SyncOptions, SyncResult } from './types.js'

/** Options of a {@link BackgroundSyncService}. */
export interface BackgroundSyncOptions {
  /** Milliseconds between two checks. Default: 60,000. */
  checkIntervalMs?: number
  /** Whether `start` checks at once. Default: true. */
  syncOnStart?: boolean
  /** Called with the result of every sync, also of a failed one. If it throws or rejects, `onSyncError` gets the error. */
  onSyncComplete?: (result: SyncResult) => void
  /** Called with the reason when a sync does not succeed. Default: writes one line to stderr. */
  onSyncError?: (error: Error) => void
  /** Whether to log what the service does to stderr. Default: false. */
  debug?: boolean
}

/** State of a {@link BackgroundSyncService}. */
export interface BackgroundSyncState {
  /** Whether the service is started. */
  isStarted: boolean
  /** Whether a sync of this service is running. */
  isRunning: boolean
  /** Result of the last sync; `null` before the first. */
  lastResult: SyncResult | null
  /** Error of the last sync or check; `null` if it succeeded. */
  lastError: Error | null
  /** Number of checks by the timer. */
  checksPerformed: number
  /** Number of syncs started, including manual ones. */
  syncsTriggered: number
}

/** A {@link SyncEngine}, or an object of the host with a `sync` method. */
export type EngineLike = SyncEngine | { sync(options?: SyncOptions): Promise<HostResult> | HostResult }

/** Result of an engine that the host supplies. Optional are the fields that the engine of the TypeScript stack does not return. */
export type HostResult = Omit<SyncResult, AddedFields> & Partial<Pick<SyncResult, AddedFields>>
type AddedFields = 'skillsRejected' | 'skillsRemoved' | 'warnings' | 'coverage' | 'requests'

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
const FIRST_BACKOFF_MS = 60_000
/** How long a signal waits for running syncs, and `stop` for an engine of the host. */
export const SHUTDOWN_GRACE_MS = 400
const ORIGINAL_SYNC = SyncEngine.prototype.sync

/**
 * Syncs in the background: whenever automatic syncing is enabled and a sync is due, with a backoff after a failure.
 *
 * Uses JavaScript timers, which do not keep the process alive.
 */
export class BackgroundSyncService {
  readonly #engine: EngineLike
  readonly #configRepo: ScheduleLike
  readonly #options: BackgroundSyncOptions & { checkIntervalMs: number; syncOnStart: boolean }
  readonly #state: BackgroundSyncState = {
    isStarted: false,
    isRunning: false,
    lastResult: null,
    lastError: null,
    checksPerformed: 0,
    syncsTriggered: 0,
  }
  #timer: ReturnType<typeof setInterval> | undefined
  /** Whether a check waits for the `isOffline` promise of a registry. */
  #isChecking = false
  #running: { readonly abort: AbortController; readonly settled: Promise<SyncResult> } | undefined
  /** The backoff for engines of the host. A `SyncEngine` stores its backoff in the database, unless that fails. */
  #failures = 0
  #backoffUntil = 0

  constructor(engine: EngineLike, configRepo: ScheduleLike, options?: BackgroundSyncOptions) {
    if (!check.hasMethods(engine, 'sync')) throw check.wrongType('engine', 'a SyncEngine or an object with sync', engine)
    if (!check.hasMethods(configRepo, 'getConfig', 'isSyncDue')) {
      throw check.wrongType('configRepo', 'a SyncConfigRepository or an object with getConfig and isSyncDue', configRepo)
    }
    // A schedule from a copy in memory belongs to a host whose next save undoes what our engine has written.
    const refusal = engine instanceof SyncEngine && 'db' in configRepo && refusalOfCopy(configRepo.db, 'configRepo.db')
    if (refusal) throw refusal
    const given = check.options(options)
    this.#engine = engine
    this.#configRepo = configRepo
    this.#options = {
      checkIntervalMs: check.optionalInteger('checkIntervalMs', given.checkIntervalMs, 1, MAX_DELAY_MS) ?? DEFAULT_CHECK_INTERVAL_MS,
      syncOnStart: check.optionalBoolean('syncOnStart', given.syncOnStart) ?? true,
      onSyncComplete: check.optionalFunction('onSyncComplete', given.onSyncComplete),
      onSyncError: check.optionalFunction('onSyncError', given.onSyncError),
      debug: check.optionalBoolean('debug', given.debug),
    }
  }

  /**
   * Starts the checks, and syncs at once if a sync is due. Does nothing if automatic syncing is disabled, or when already
   * started.
   */
  start(): void {
    if (this.#state.isStarted) return
    if (!this.#configRepo.getConfig().enabled) {
      this.#log('automatic syncing is disabled; not started')
      return
    }
    this.#state.isStarted = true
    this.#log('started')
    if (this.#options.syncOnStart) this.#check()
    // A callback may have stopped it already.
    if (!this.#state.isStarted) return
    this.#timer = setInterval(() => {
      this.#state.checksPerformed += 1
      this.#check()
    }, this.#options.checkIntervalMs)
    this.#timer.unref?.()
  }

  /**
   * Stops the checks and cancels a running sync. Resolves when that sync has settled, within about 200 ms; does not wait
   * longer than 400 ms for an engine of the host. Calling it again is safe.
   */
  stop(): Promise<void> {
    if (this.#state.isStarted) this.#log('stopped')
    this.#state.isStarted = false
    clearInterval(this.#timer)
    const running = this.#running
    if (!running) return Promise.resolve()
    running.abort.abort()
    return new Promise((resolve) => {
      // A background sync does not keep the process alive, but the caller may await this promise.
      const hold = setTimeout(resolve, this.#hasOriginalSync() ? MAX_DELAY_MS : SHUTDOWN_GRACE_MS)
      const done = (): void => {
        clearTimeout(hold)
        resolve()
      }
      running.settled.then(done, done)
    })
  }

  /**
   * Syncs now, whether or not a sync is due. Keeps the process alive until the sync ends.
   *
   * @throws {@link SkillsmithSyncError} `SYNC_IN_PROGRESS` while a sync of this service is running.
   */
  async manualSync(): Promise<SyncResult> {
    if (this.#running) throw new SkillsmithSyncError('Sync already in progress', 'SYNC_IN_PROGRESS')
    return this.#sync(true)
  }

  /** A copy of the current state. */
  getState(): BackgroundSyncState {
    return { ...this.#state }
  }

  /** Whether a sync of this service is running. */
  isSyncRunning(): boolean {
    return this.#state.isRunning
  }

  /** Whether the service is started. */
  isServiceStarted(): boolean {
    return this.#state.isStarted
  }

  /** @internal Reports an error that came before the start, but not before the caller has the service. */
  static report(service: BackgroundSyncService, error: Error): void {
    service.#state.lastError = error
    queueMicrotask(() => service.#reportError(error))
  }

  /** Starts a sync if one is due. Never throws, because a timer calls it. */
  #check(): void {
    if (this.#running || this.#isChecking) return
    try {
      const decision = this.#engine instanceof SyncEngine ? SyncEngine.decide(this.#engine) : 'begin'
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
    if (decision !== 'begin' || !this.#isScheduled()) return
    this.#sync(false).catch(() => {
      // `#ended` has reported the error.
    })
  }

  #checkFailed(thrown: unknown): void {
    this.#state.lastError = toError(thrown)
    this.#log(`could not check: ${messageOf(thrown)}`)
  }

  /** Also called after the database has decided, because a host may have replaced the methods of the repository. */
  #isScheduled(): boolean {
    const config = this.#configRepo.getConfig()
    const isDue = config.enabled && (!config.lastSyncAt || this.#configRepo.isSyncDue())
    return isDue && Date.now() >= this.#backoffUntil
  }

  /** Whether the engine is a `SyncEngine` whose `sync` the host has not replaced. */
  #hasOriginalSync(): boolean {
    return this.#engine instanceof SyncEngine && this.#engine.sync === ORIGINAL_SYNC
  }

  #sync(keepAlive: boolean): Promise<SyncResult> {
    const abort = new AbortController()
    this.#state.isRunning = true
    this.#state.syncsTriggered += 1
    this.#log('syncing')
    if (!keepAlive) allowExit(abort.signal)
    const settled = this.#startSync(abort.signal).then(
      (result) => {
        this.#ended(abort.signal, result, result.success ? null : errorOf(result))
        return result
      },
      (thrown) => {
        this.#ended(abort.signal, null, toError(thrown))
        throw thrown
      },
    )
    this.#running = { abort, settled }
    return settled
  }

  /** Calls the engine at once, so that a sync is running when `start` returns. */
  async #startSync(signal: AbortSignal): Promise<SyncResult> {
    const result = await this.#engine.sync({ signal })
    return isComplete(result)
      ? result
      : { skillsRejected: 0, skillsRemoved: 0, warnings: [], coverage: 'best-effort', requests: 0, ...result }
  }

  #ended(signal: AbortSignal, result: SyncResult | null, error: Error | null): void {
    this.#running = undefined
    this.#state.isRunning = false
    this.#state.lastResult = result ?? this.#state.lastResult
    this.#state.lastError = error
    this.#updateBackoff(error)
    this.#log(result ? `synced: ${result.skillsAdded} new, ${result.skillsUpdated} updated` : 'the sync failed')
    const onError = (failure: Error): void => this.#reportError(failure, signal)
    const hasThrown = result && !this.#notify(this.#options.onSyncComplete, result, onError)
    if (error && !hasThrown) onError(error)
  }

  #reportError(failure: Error, signal?: AbortSignal): void {
    const { onSyncError } = this.#options
    if (onSyncError) this.#notify(onSyncError, failure, (thrown) => this.#print(`onSyncError threw: ${messageOf(thrown)}`))
    else if (!signal?.aborted) this.#print(messageOf(failure))
  }

  /**
   * Calls a callback of the host. If it throws or rejects, `onError` gets the error. Returns false if it threw.
   */
  #notify<T>(callback: ((value: T) => unknown) | undefined, value: T, onError: (thrown: Error) => void): boolean {
    try {
      const returned = callback?.(value)
      if (check.hasMethods(returned, 'then')) Promise.resolve(returned).catch((thrown) => onError(toError(thrown)))
      return true
    } catch (thrown) {
      onError(toError(thrown))
      return false
    }
  }

  #updateBackoff(error: Error | null): void {
    const needsBackoff = error !== null && !(this.#hasOriginalSync() && this.#isBackoffStored(error))
    this.#failures = needsBackoff ? this.#failures + 1 : 0
    const wait = FIRST_BACKOFF_MS * 2 ** Math.min(this.#failures - 1, 20)
    this.#backoffUntil = needsBackoff ? Date.now() + Math.min(wait, this.#interval()) : 0
  }

  /** Whether the database has recorded the backoff after `error`. It has not on a full disk, for example. */
  #isBackoffStored(error: Error): boolean {
    const code = error instanceof SkillsmithSyncError ? error.code : null
    if (code === 'CANCELLED' || code === 'SYNC_IN_PROGRESS' || !(this.#engine instanceof SyncEngine)) return true
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
    if (this.#options.debug) this.#print(text)
  }

  /** Writes to stderr, because stdout may carry a protocol. */
  #print(text: string): void {
    writeToStderr(`[skillsmith-sync] ${text.replaceAll('\n', ' ')}\n`)
  }
}

/** Number of writes to stderr that have not finished. */
let pendingWrites = 0
const ignore = (): void => {}

/**
 * Writes to stderr and ignores errors. Without a listener, an error of the stream would end the host, and `console` handles
 * only the first. The listener is removed after the write, so that it does not hide errors of the host's own writes.
 */
function writeToStderr(line: string): void {
  const { stderr } = process
  const written = (): void => {
    // The stream emits an error after it has called back.
    setImmediate(() => {
      pendingWrites -= 1
      if (pendingWrites === 0) stderr.off('error', ignore)
    })
  }
  if (pendingWrites === 0) stderr.on('error', ignore)
  pendingWrites += 1
  try {
    stderr.write(line, written)
  } catch {
    written()
  }
}

function isComplete(result: HostResult): result is SyncResult {
  return 'skillsRejected' in result && 'skillsRemoved' in result && 'warnings' in result && 'coverage' in result && 'requests' in result
}

/** Creates a service and starts it. */
export function createBackgroundSyncService(
  engine: EngineLike,
  configRepo: ScheduleLike,
  options?: BackgroundSyncOptions,
): BackgroundSyncService {
  const service = new BackgroundSyncService(engine, configRepo, options)
  service.start()
  return service
}
