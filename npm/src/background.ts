import * as check from './check.js'
import { failureOf, letEnd, SyncEngine } from './engine.js'
import { messageOf, SkillsmithSyncError, toError } from './errors.js'
import { SyncConfigRepository } from './repositories.js'
import type { SyncConfig, SyncOptions, SyncResult } from './types.js'

/** How a {@link BackgroundSyncService} works. */
export interface BackgroundSyncOptions {
  /** Milliseconds between two checks. Default: 60,000. */
  checkIntervalMs?: number
  /** Whether it checks at once when started. Default: true. */
  syncOnStart?: boolean
  /** Told of every sync that has ended, whatever its result. What it throws, or its promise rejects with, `onSyncError` is told. */
  onSyncComplete?: (result: SyncResult) => void
  /** Told why a sync was not a success. Default: one line on stderr. */
  onSyncError?: (error: Error) => void
  /** Tell on stderr what it does. Default: false. */
  debug?: boolean
}

/** How a service stands. */
export interface BackgroundSyncState {
  /** Whether it was started and not stopped since. */
  isStarted: boolean
  /** Whether a sync of its own is under way. */
  isRunning: boolean
  /** What the last sync did. */
  lastResult: SyncResult | null
  /** Why the last sync or check failed; `null` if it did not. */
  lastError: Error | null
  /** Checks made by the timer. */
  checksPerformed: number
  /** Syncs begun, those by hand included. */
  syncsTriggered: number
}

/** Whatever syncs: a {@link SyncEngine}, or an object of the host's. */
export type EngineLike = SyncEngine | { sync(options?: SyncOptions): Promise<HostResult> | HostResult }

/** What an engine of the host's returns: that of the TypeScript stack lacks three of our fields. */
export type HostResult = Omit<SyncResult, OursOnly> & Partial<Pick<SyncResult, OursOnly>>
type OursOnly = 'skillsRejected' | 'warnings' | 'coverage'

/**
 * Whatever knows the schedule: a {@link SyncConfigRepository}, or an object of the host's. Beside a {@link SyncEngine} it
 * can only put a sync off: the engine's own database has to find it due as well, and no longer be patient after a failure.
 */
export type ScheduleLike = SyncConfigRepository | { getConfig(): SyncConfig; isSyncDue(): boolean }

const DEFAULT_CHECK_INTERVAL_MS = 60_000
/** The largest delay that a timer takes. */
const MAX_DELAY_MS = 2 ** 31 - 1
const FIRST_PATIENCE_MS = 60_000
/** How long the end waits for what may not hear of it: a signal for the syncs, and `stop` for an engine of the host's. */
export const FAREWELL_MS = 400
const OUR_SYNC = SyncEngine.prototype.sync

/**
 * Syncs while it is started: when enabled and due, and with patience after a failure.
 *
 * It lives on the host's timers and never keeps the process alive.
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
  /** Whether a check is waiting for the registry to say whether it is offline. */
  #isAsking = false
  #running: { readonly abort: AbortController; readonly settled: Promise<SyncResult> } | undefined
  /** For engines of the host's. Ours keep theirs in the database, where that can be written. */
  #failures = 0
  #patientUntil = 0

  constructor(engine: EngineLike, configRepo: ScheduleLike, options?: BackgroundSyncOptions) {
    if (!check.hasMethods(engine, 'sync')) throw check.wrongType('engine', 'a SyncEngine or an object with sync', engine)
    if (!check.hasMethods(configRepo, 'getConfig', 'isSyncDue')) {
      throw check.wrongType('configRepo', 'a SyncConfigRepository or an object with getConfig and isSyncDue', configRepo)
    }
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

  /** Starts checking, and syncs at once where that is due; does nothing where automatic syncing is disabled. Starting twice is fine. */
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
   * Stops checking, and the sync that is under way. Resolves once that has settled, within about 200 ms; an engine of the
   * host's that does not settle is left alone after 400 ms. Stopping twice is fine.
   */
  stop(): Promise<void> {
    if (this.#state.isStarted) this.#log('stopped')
    this.#state.isStarted = false
    clearInterval(this.#timer)
    const running = this.#running
    if (!running) return Promise.resolve()
    running.abort.abort()
    return new Promise((resolve) => {
      // A background sync does not keep the process alive, but somebody may be waiting now.
      const hold = setTimeout(resolve, this.#hasOurSync() ? MAX_DELAY_MS : FAREWELL_MS)
      const done = (): void => {
        clearTimeout(hold)
        resolve()
      }
      running.settled.then(done, done)
    })
  }

  /**
   * Syncs now, due or not, and keeps the process alive meanwhile.
   *
   * @throws {@link SkillsmithSyncError} with `SYNC_IN_PROGRESS` while a sync of this service is under way.
   */
  async manualSync(): Promise<SyncResult> {
    if (this.#running) throw new SkillsmithSyncError('Sync already in progress', 'SYNC_IN_PROGRESS')
    return this.#sync(true)
  }

  /** How things stand. */
  getState(): BackgroundSyncState {
    return { ...this.#state }
  }

  /** Whether a sync of this service is under way. */
  isSyncRunning(): boolean {
    return this.#state.isRunning
  }

  /** Whether it was started and not stopped since. */
  isServiceStarted(): boolean {
    return this.#state.isStarted
  }

  /** Begins a sync where one is wanted. Never throws: it is called by a timer. */
  #check(): void {
    if (this.#running || this.#isAsking) return
    try {
      const decision = this.#engine instanceof SyncEngine ? SyncEngine.decide(this.#engine) : 'begin'
      if (typeof decision === 'string') this.#act(decision)
      else void this.#actLater(decision)
    } catch (thrown) {
      this.#failed(thrown)
    }
  }

  /** Meanwhile the host may have stopped the service, or begun a sync by hand. */
  async #actLater(decision: Promise<string>): Promise<void> {
    this.#isAsking = true
    try {
      const decided = await decision
      if (this.#state.isStarted && !this.#running) this.#act(decided)
    } catch (thrown) {
      if (this.#state.isStarted) this.#failed(thrown)
    } finally {
      this.#isAsking = false
    }
  }

  #act(decision: string): void {
    if (decision !== 'begin' || !this.#isScheduled()) return
    this.#sync(false).catch(() => {
      // The callbacks and the state have it.
    })
  }

  #failed(thrown: unknown): void {
    this.#state.lastError = toError(thrown)
    this.#log(`could not check: ${messageOf(thrown)}`)
  }

  /** Asked even where the database has decided: a host may have put its own methods in the place of ours. */
  #isScheduled(): boolean {
    const config = this.#configRepo.getConfig()
    const isDue = config.enabled && (!config.lastSyncAt || this.#configRepo.isSyncDue())
    return isDue && Date.now() >= this.#patientUntil
  }

  /** Not where the host has put a method of its own in the place of ours, or patched it. */
  #hasOurSync(): boolean {
    return this.#engine instanceof SyncEngine && this.#engine.sync === OUR_SYNC
  }

  #sync(keepAlive: boolean): Promise<SyncResult> {
    const abort = new AbortController()
    this.#state.isRunning = true
    this.#state.syncsTriggered += 1
    this.#log('syncing')
    if (!keepAlive) letEnd(abort.signal)
    const settled = this.#ask(abort.signal).then(
      (result) => {
        this.#ended(abort.signal, result, result.success ? null : failureOf(result))
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

  /** At once, so that a sync has begun when `start` returns. */
  async #ask(signal: AbortSignal): Promise<SyncResult> {
    const result = await this.#engine.sync({ signal })
    return isOurs(result) ? result : { skillsRejected: 0, warnings: [], coverage: 'best-effort', ...result }
  }

  #ended(signal: AbortSignal, result: SyncResult | null, error: Error | null): void {
    this.#running = undefined
    this.#state.isRunning = false
    this.#state.lastResult = result ?? this.#state.lastResult
    this.#state.lastError = error
    this.#noteForPatience(error)
    this.#log(result ? `synced: ${result.skillsAdded} new, ${result.skillsUpdated} updated` : 'the sync failed')
    const complain = (failure: Error): void => this.#complain(signal, failure)
    const isThrown = result && !this.#tell(this.#options.onSyncComplete, result, complain)
    if (error && !isThrown) complain(error)
  }

  #complain(signal: AbortSignal, failure: Error): void {
    const { onSyncError } = this.#options
    if (onSyncError) this.#tell(onSyncError, failure, (thrown) => this.#report(`onSyncError threw: ${messageOf(thrown)}`))
    else if (!signal.aborted) this.#report(messageOf(failure))
  }

  /**
   * Calls a callback; what it throws, or its promise rejects with, must not end the host and goes to `complain`.
   * Returns whether it threw nothing.
   */
  #tell<T>(callback: ((value: T) => unknown) | undefined, value: T, complain: (thrown: Error) => void): boolean {
    try {
      const returned = callback?.(value)
      if (check.hasMethods(returned, 'then')) Promise.resolve(returned).catch((thrown) => complain(toError(thrown)))
      return true
    } catch (thrown) {
      complain(toError(thrown))
      return false
    }
  }

  #noteForPatience(error: Error | null): void {
    const isPatient = error !== null && !(this.#hasOurSync() && this.#isInDatabase(error))
    this.#failures = isPatient ? this.#failures + 1 : 0
    const wait = FIRST_PATIENCE_MS * 2 ** Math.min(this.#failures - 1, 20)
    this.#patientUntil = isPatient ? Date.now() + Math.min(wait, this.#interval()) : 0
  }

  /** Whether the database knows of a failed sync of ours: on a full disk it wants the next one at once. */
  #isInDatabase(error: Error): boolean {
    const code = error instanceof SkillsmithSyncError ? error.code : null
    if (code === 'CANCELLED' || code === 'SYNC_IN_PROGRESS' || !(this.#engine instanceof SyncEngine)) return true
    try {
      const decision = SyncEngine.decide(this.#engine)
      if (typeof decision === 'string') return decision !== 'begin'
      // Nobody waits for it.
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
    if (this.#options.debug) this.#report(text)
  }

  /** Never on stdout: that may be a protocol's channel. */
  #report(text: string): void {
    print(`[skillsmith-sync] ${text.replaceAll('\n', ' ')}\n`)
  }
}

/** Lines on their way to stderr. */
let underWay = 0
const ignore = (): void => {}

/**
 * Writes to stderr. Its reader may be gone, and an error of the stream that nobody listens to would end the host; a
 * console bears only the first. The listener stays no longer than the line: the host's own errors are the host's.
 */
function print(line: string): void {
  const { stderr } = process
  const written = (): void => {
    // The stream tells of an error after it has called back.
    setImmediate(() => {
      underWay -= 1
      if (underWay === 0) stderr.off('error', ignore)
    })
  }
  if (underWay === 0) stderr.on('error', ignore)
  underWay += 1
  try {
    stderr.write(line, written)
  } catch {
    written()
  }
}

function isOurs(result: HostResult): result is SyncResult {
  return 'skillsRejected' in result && 'warnings' in result && 'coverage' in result
}

/** Makes a service and starts it. */
export function createBackgroundSyncService(
  engine: EngineLike,
  configRepo: ScheduleLike,
  options?: BackgroundSyncOptions,
): BackgroundSyncService {
  const service = new BackgroundSyncService(engine, configRepo, options)
  service.start()
  return service
}
