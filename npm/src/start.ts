import { type BackgroundSyncOptions, BackgroundSyncService, SHUTDOWN_GRACE_MS } from './background.js'
import * as check from './check.js'
import { SkillsmithApiClient } from './client.js'
import { Database, type DatabaseLike, refusedDatabase } from './database.js'
import { SyncEngine } from './engine.js'
import { attempt } from './errors.js'
import { refusalOfCopy } from './host-database.js'
import { native, variables } from './native.js'
import type { ApiClientLike } from './registry.js'
import { SyncConfigRepository, SyncHistoryRepository } from './repositories.js'

/** Options of {@link startBackgroundSync}. */
export interface StartBackgroundSyncOptions extends BackgroundSyncOptions {
  /** The database. Default: `SKILLSMITH_DB_PATH`, else `~/.skillsmith/skills.db`. */
  db?: DatabaseLike
  /** The registry. Default: a {@link SkillsmithApiClient} configured by the environment. */
  apiClient?: ApiClientLike
}

/** Result of {@link startBackgroundSync}. */
export interface BackgroundSync {
  /** The engine, for manual syncs and the current status. */
  engine: SyncEngine
  /** The configuration. */
  configRepo: SyncConfigRepository
  /** The history. */
  historyRepo: SyncHistoryRepository
  /** The service. Not started if background syncing is off. */
  service: BackgroundSyncService
  /** Stops the service and removes the signal handlers. Resolves when a running sync has settled. */
  stop(): Promise<void>
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const

/** The services to stop on a signal. They share one listener, because Node warns about many. */
const stops = new Set<() => Promise<void>>()

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
  if (stops.size === 0) for (const signal of SIGNALS) process.prependListener(signal, onSignal)
  stops.add(stop)
}

function removeSignalStop(stop: () => Promise<void>): void {
  stops.delete(stop)
  if (stops.size === 0) for (const signal of SIGNALS) process.off(signal, onSignal)
}

/**
 * Starts background syncing. An MCP server calls this once when it starts.
 *
 * Starts the service unless `SKILLSMITH_BACKGROUND_SYNC` is `false`, `SKILLSMITH_OFFLINE_MODE` is `true`, or automatic syncing
 * is disabled in the configuration. Throws if one of these variables is neither true nor false. SIGTERM and SIGINT stop the
 * service. If the host has no handler for the signal, the process then ends by it as usual.
 *
 * If `db` is a copy in memory (see {@link DatabaseLike}), `onSyncError` gets the `TypeError`, after this function has returned. The
 * service is not started then, and each call that needs the database throws that error.
 */
export function startBackgroundSync(options?: StartBackgroundSyncOptions): BackgroundSync {
  const { db, apiClient, ...rest } = check.options(options)
  const refusal = refusalOfCopy(db, 'db')
  // First, so that a misspelt variable is an error before anything is created.
  const { backgroundSync, offlineMode } = attempt(() => native.backgroundSettings(variables()))
  const database = refusal ? refusedDatabase(refusal) : (db ?? new Database())
  const configRepo = new SyncConfigRepository(database)
  const historyRepo = new SyncHistoryRepository(database)
  const engine = new SyncEngine({ db: database, apiClient: apiClient ?? new SkillsmithApiClient() })
  const service = new BackgroundSyncService(engine, configRepo, rest)
  const stop = (): Promise<void> => {
    removeSignalStop(stop)
    return service.stop()
  }

  if (refusal) BackgroundSyncService.report(service, refusal)
  else if (backgroundSync && !offlineMode) service.start()
  // In a worker the listener is never called, because only the main thread receives signals.
  if (service.isServiceStarted()) addSignalStop(stop)
  return { engine, configRepo, historyRepo, service, stop }
}
