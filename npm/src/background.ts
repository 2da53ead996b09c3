import * as check from './check.js'
import { failureOf, SyncEngine } from './engine.js'
import { messageOf, SkillsmithSyncError, toError } from './errors.js'
import { SyncConfigRepository } from './repositories.js'
import type { SyncConfig, SyncOptions, SyncResult } from './types.js'

/** How a {@link BackgroundSyncService} works. */
export interface BackgroundSyncOptions {
  /** Milliseconds between two checks. Default: 60,000. */
  checkIntervalMs?: number
  /** Whether it checks at once when started. Default: true. */
  syncOnStart?: boolean
  /** Told of every sync that has ended, whatever its result. */
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

/** Whatever knows the schedule: a {@link SyncConfigRepository}, or an object of the host's. */
export type ScheduleLike = SyncConfigRepository | { getConfig(): SyncConfig; isSyncDue(): boolean }

const DEFAULT_CHECK_INTERVAL_MS = 60_000
/** The largest delay that a timer takes. */
const MAX_DELAY_MS = 2 ** 31 - 1
const FIRST_PATIENCE_MS = 60_000

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
  #running: { readonly abort: AbortController; readonly settled: Promise<SyncResult> } | undefined
  /** For engines of the host's; ours keep theirs in the database. */
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
      checkIntervalMs:
        check.optionalInteger('checkIntervalMs', given.checkIntervalMs, 1, MAX_DELAY_MS) ?? DEFAULT_CHECK_INTERVAL_MS,
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

  /** Stops checking, and the sync that is under way. Resolves once that has settled, within about 200 ms. Stopping twice is fine. */
  stop(): Promise<void> {
    if (this.#state.isStarted) this.#log('stopped')
    this.#state.isStarted = false
    clearInterval(this.#timer)
    const running = this.#running
    if (!running) return Promise.resolve()
    running.abort.abort()
    // A background sync does not keep the process alive, but somebody may be waiting now.
    const hold = setInterval(() => {}, MAX_DELAY_MS)
    const done = (): void => clearInterval(hold)
    return running.settled.then(done, done)
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
    if (this.#running) return
    try {
      if (!this.#isWanted()) return
    } catch (thrown) {
      this.#state.lastError = toError(thrown)
      this.#log(`could not check: ${messageOf(thrown)}`)
      return
    }
    this.#sync(false).catch(() => {
      // The callbacks and the state have it.
    })
  }

  #isWanted(): boolean {
    const isOurs = this.#engine instanceof SyncEngine && this.#configRepo instanceof SyncConfigRepository
    if (isOurs) return SyncEngine.decide(this.#engine as SyncEngine) === 'begin'
    const config = this.#configRepo.getConfig()
    const isDue = config.enabled && (!config.lastSyncAt || this.#configRepo.isSyncDue())
    return isDue && Date.now() >= this.#patientUntil
  }

  #sync(keepAlive: boolean): Promise<SyncResult> {
    const abort = new AbortController()
    this.#state.isRunning = true
    this.#state.syncsTriggered += 1
    this.#log('syncing')
    const settled = this.#ask(abort.signal, keepAlive).then(
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
  async #ask(signal: AbortSignal, keepAlive: boolean): Promise<SyncResult> {
    if (this.#engine instanceof SyncEngine) return SyncEngine.run(this.#engine, { signal }, keepAlive)
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
    let failure = error
    if (result) failure = this.#tell(this.#options.onSyncComplete, result) ?? failure
    if (!failure) return
    if (this.#options.onSyncError) {
      const thrown = this.#tell(this.#options.onSyncError, failure)
      if (thrown) this.#report(`onSyncError threw: ${thrown.message}`)
    } else if (!signal.aborted) {
      this.#report(failure.message)
    }
  }

  /** Calls a callback; what it throws must not end the host. */
  #tell<T>(callback: ((value: T) => void) | undefined, value: T): Error | undefined {
    try {
      callback?.(value)
      return undefined
    } catch (thrown) {
      return toError(thrown)
    }
  }

  #noteForPatience(error: Error | null): void {
    this.#failures = error ? this.#failures + 1 : 0
    const wait = FIRST_PATIENCE_MS * 2 ** Math.min(this.#failures - 1, 20)
    this.#patientUntil = error ? Date.now() + Math.min(wait, this.#interval()) : 0
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
    process.stderr.write(`[skillsmith-sync] ${text.replaceAll('\n', ' ')}\n`)
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
