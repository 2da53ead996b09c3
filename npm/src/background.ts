import { disposable, hide, INSPECT } from './internals.js'
import {
  type BackgroundSyncOptions,
  type BackgroundSyncState,
  type EngineLike,
  type ScheduleLike,
  Service,
  type ServiceHooks,
} from './service.js'
import type { SyncResult } from './types.js'

const SERVICE = Symbol('service')

/**
 * Syncs in the background: whenever automatic syncing is enabled and a sync is due, with a backoff after a failure.
 *
 * Uses JavaScript timers, which do not keep the process alive.
 */
export class BackgroundSyncService {
  /** @internal */
  declare readonly [SERVICE]: Service

  constructor(engine: EngineLike, configRepo: ScheduleLike, options?: BackgroundSyncOptions) {
    hide(this, SERVICE, new Service(engine, configRepo, options))
  }

  /**
   * Starts the checks, and syncs at once if a sync is due. Does nothing if automatic syncing is disabled, or when already
   * started.
   */
  start(): void {
    this[SERVICE].start()
  }

  /**
   * Stops the checks and cancels a running sync. Resolves when that sync has settled, within about 200 ms; does not wait
   * longer than 400 ms for an engine of the host. Calling it again is safe.
   */
  stop(): Promise<void> {
    return this[SERVICE].stop()
  }

  /** Stops it at the end of a block: {@link BackgroundSyncService.stop}, for `await using`. Missing where the runtime has no `Symbol.asyncDispose`. */
  declare readonly [Symbol.asyncDispose]: () => Promise<void>

  /**
   * Syncs now, whether or not a sync is due. Keeps the process alive until the sync ends. Resolves when the callbacks are done.
   *
   * @throws {@link SkillsmithSyncError} `SYNC_IN_PROGRESS` while a sync of this service is running, and in its callbacks.
   */
  manualSync(): Promise<SyncResult> {
    return this[SERVICE].manualSync()
  }

  /** A copy of the current state. */
  getState(): BackgroundSyncState {
    return this[SERVICE].getState()
  }

  /** Whether a sync of this service is running. */
  isSyncRunning(): boolean {
    return this[SERVICE].getState().isRunning
  }

  /** Whether the service is started. */
  isServiceStarted(): boolean {
    return this[SERVICE].getState().isStarted
  }

  /** @internal Reports an error that came before the start, but not before the caller has the service. */
  static report(service: BackgroundSyncService, error: Error): void {
    service[SERVICE].report(error)
  }

  /** @internal */
  static attach(service: BackgroundSyncService, hooks: ServiceHooks): void {
    service[SERVICE].attach(hooks)
  }

  /** @internal */
  [INSPECT](): string {
    const { isStarted, isRunning } = this.getState()
    return `BackgroundSyncService { ${isStarted ? 'started' : 'stopped'}${isRunning ? ', syncing' : ''} }`
  }
}

disposable(BackgroundSyncService, 'asyncDispose', (service) => service.stop())

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
