import { abortSignal, isAborted, onAbort } from './abort.js'
import { BackgroundSyncService } from './background.js'
import * as check from './check.js'
import { SkillsmithApiClient } from './client.js'
import { checkDatabase, Database, type DatabaseLike, databaseLater, isPath } from './database.js'
import { SyncEngine } from './engine.js'
import { attempt, toError } from './errors.js'
import { refusalOfCopy } from './host-database.js'
import { native, variables } from './native.js'
import { type ApiClientLike, clientLater } from './registry.js'
import { SyncConfigRepository, SyncHistoryRepository } from './repositories.js'
import { type BackgroundSyncOptions, SHUTDOWN_GRACE_MS } from './service.js'

/** Options of {@link startBackgroundSync}. */
export interface StartBackgroundSyncOptions extends BackgroundSyncOptions {
  /** The database. Default: `SKILLSMITH_DB_PATH`, else `~/.skillsmith/skills.db`. */
  db?: DatabaseLike | undefined
  /** The registry. Default: a {@link SkillsmithApiClient} configured by the environment. */
  apiClient?: ApiClientLike | undefined
  /** Stops the service as `stop` does. If it is aborted already, the service is not started. */
  signal?: AbortSignal | undefined
}

const OPTIONS = ['db', 'apiClient', 'signal', 'checkIntervalMs', 'syncOnStart', 'onSyncComplete', 'onSyncError', 'debug'] as const

/** Result of {@link startBackgroundSync}. */
export interface BackgroundSync {
  /** The engine, for manual syncs and the current status. */
  engine: SyncEngine
  /** The configuration. */
  configRepo: SyncConfigRepository
  /** The history. */
  historyRepo: SyncHistoryRepository
  /** The service. Not started if background syncing is off or could not be started. */
  service: BackgroundSyncService
  /** The database, if it was opened here, because `db` was a path or missing; `null` otherwise. `stop` closes it. */
  readonly database: Database | null
  /**
   * Stops the service, removes the signal handlers, and closes the database if it was opened here. Resolves when a running sync
   * has settled.
   */
  stop(): Promise<void>
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const

/**
 * The services to stop on a signal. They share one listener, because Node warns about many; also those of a copy of this package that
 * was loaded before, as a reload in the process does.
 */
interface Stops {
  readonly all: Set<() => Promise<void>>
  readonly listener: (signal: NodeJS.Signals) => void
}

const STOPS = Symbol.for('@skillsmith/sync:stops')
const { all: stops, listener } = sharedStops()

function sharedStops(): Stops {
  const shared = globalThis as { [STOPS]?: Stops }
  const own = { all: new Set<() => Promise<void>>(), listener: onSignal }
  // A host may have frozen the global object: then each copy has its own.
  if (!shared[STOPS]) Reflect.set(shared, STOPS, own)
  return shared[STOPS] ?? own
}

function onSignal(signal: NodeJS.Signals): void {
  // Our listener has disabled the default action. Without another listener, we repeat the signal at the end.
  const isOnlyListener = process.listenerCount(signal) === 1
  const stopped = Promise.allSettled([...stops].map((stop) => stop()))
  if (!isOnlyListener) return
  const end = (): void => {
    clearTimeout(timer)
    process.kill(process.pid, signal)
  }
  // Ending during a sync is safe: the database stays consistent.
  const timer = setTimeout(end, SHUTDOWN_GRACE_MS)
  void stopped.then(end)
}

/**
 * The listener goes first. Later, it would miss a listener that was added with `once`, and a listener of the host that
 * counts the others would still find ours.
 */
function addSignalStop(stop: () => Promise<void>): void {
  if (stops.size === 0) for (const signal of SIGNALS) process.prependListener(signal, listener)
  stops.add(stop)
}

function removeSignalStop(stop: () => Promise<void>): void {
  stops.delete(stop)
  if (stops.size === 0) for (const signal of SIGNALS) process.off(signal, listener)
}

/**
 * Starts background syncing. An MCP server calls this once when it starts.
 *
 * Starts the service unless `SKILLSMITH_BACKGROUND_SYNC` is `false`, `SKILLSMITH_OFFLINE_MODE` is `true`, or automatic syncing
 * is disabled in the configuration. In the first two cases nothing is opened or created before it is used. SIGTERM and SIGINT
 * stop the service. If the host has no handler for the signal, the process then ends by it as usual.
 *
 * It does not take a host down for what is wrong around it: a folder that cannot be written, a damaged database, an address that
 * cannot be used, one of these variables that is neither true nor false, or a copy in memory as `db` (see {@link DatabaseLike}).
 * `onSyncError` gets the error, after this function has returned. The service is not started then, and each call that needs what
 * could not be had throws that error, or resolves without success.
 *
 * @throws `TypeError` or `RangeError` for options of a wrong type, out of range, or with an unknown name.
 */
export function startBackgroundSync(options?: StartBackgroundSyncOptions): BackgroundSync {
  const { db, apiClient, signal, ...rest } = check.knownOptions('startBackgroundSync', options, OPTIONS)
  if (db !== undefined && db !== null && !refusalOfCopy(db, 'db')) checkDatabase(db, 'db')
  const aborted = abortSignal('signal', signal)
  let own: Database | undefined
  const open = once((): DatabaseLike => {
    const refusal = refusalOfCopy(db, 'db')
    if (refusal) throw refusal
    if (db && !isPath(db)) return db
    own = new Database(db)
    return own
  })
  const connect = once((): SkillsmithApiClient => new SkillsmithApiClient())
  const database = databaseLater(open)
  const configRepo = new SyncConfigRepository(database)
  const historyRepo = new SyncHistoryRepository(database)
  const engine = new SyncEngine({ db: database, apiClient: apiClient ?? clientLater(connect) })
  const service = new BackgroundSyncService(engine, configRepo, rest)

  const stopService = (): Promise<void> => service.stop()
  const stop = async (): Promise<void> => {
    await stopService()
    own?.close()
  }
  let forgetSignal = (): void => {}
  BackgroundSyncService.attach(service, {
    started() {
      // In a worker the listener is never called, because only the main thread receives signals.
      addSignalStop(stopService)
      forgetSignal = onAbort(aborted, () => void stop())
    },
    stopped() {
      removeSignalStop(stopService)
      forgetSignal()
    },
  })

  try {
    const { backgroundSync, offlineMode } = attempt(() => native.backgroundSettings(variables()))
    if (backgroundSync && !offlineMode && !isAborted(aborted)) {
      open()
      if (!apiClient) connect()
      SyncEngine.checkRegistry(engine)
      service.start()
    }
  } catch (thrown) {
    // A signal of the host's own kind may have refused our listener after the start.
    void service.stop()
    BackgroundSyncService.report(service, toError(thrown))
  }
  return {
    engine,
    configRepo,
    historyRepo,
    service,
    get database() {
      return own ?? null
    },
    stop,
  }
}

/** Calls `make` until it has succeeded, and then gives the same value for ever. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
