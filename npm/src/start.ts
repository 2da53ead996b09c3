import { type BackgroundSyncOptions, BackgroundSyncService, FAREWELL_MS } from './background.js'
import * as check from './check.js'
import { SkillsmithApiClient } from './client.js'
import { Database, type DatabaseLike } from './database.js'
import { SyncEngine } from './engine.js'
import { attempt } from './errors.js'
import { native, variables } from './native.js'
import type { ApiClientLike } from './registry.js'
import { SyncConfigRepository, SyncHistoryRepository } from './repositories.js'

/** What {@link startBackgroundSync} works with. */
export interface StartBackgroundSyncOptions extends BackgroundSyncOptions {
  /** The database. Default: `SKILLSMITH_DB_PATH`, else `~/.skillsmith/skills.db`. */
  db?: DatabaseLike
  /** The registry. Default: a {@link SkillsmithApiClient} with everything from the environment. */
  apiClient?: ApiClientLike
}

/** What {@link startBackgroundSync} has made. */
export interface BackgroundSync {
  /** Syncs by hand, and tells how things stand. */
  engine: SyncEngine
  /** The configuration. */
  configRepo: SyncConfigRepository
  /** The history. */
  historyRepo: SyncHistoryRepository
  /** The service; not started where background syncing is switched off. */
  service: BackgroundSyncService
  /** Stops the service and lets go of the signals. Resolves once a sync under way has settled. */
  stop(): Promise<void>
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const

/** What a signal has to stop. One listener serves all: Node warns of many. */
const started = new Set<() => Promise<void>>()

function onSignal(signal: NodeJS.Signals): void {
  // Our listener has taken the place of the default action, which nobody else wants to prevent.
  const isAlone = process.listenerCount(signal) === 1
  const stopped = Promise.allSettled([...started].map((stop) => stop()))
  if (!isAlone) return
  const end = (): void => {
    clearTimeout(timer)
    process.kill(process.pid, signal)
  }
  // The database bears it where that is too short.
  const timer = setTimeout(end, FAREWELL_MS)
  void stopped.then(end)
}

/** Ours goes first: another that is called `once` is gone from the list afterwards, and one that counts the others is to count right. */
function listen(stop: () => Promise<void>): void {
  if (started.size === 0) for (const signal of SIGNALS) process.prependListener(signal, onSignal)
  started.add(stop)
}

function letGo(stop: () => Promise<void>): void {
  started.delete(stop)
  if (started.size === 0) for (const signal of SIGNALS) process.off(signal, onSignal)
}

/**
 * All that an MCP server has to call at its start.
 *
 * Starts a service where `SKILLSMITH_BACKGROUND_SYNC` is not `false`, `SKILLSMITH_OFFLINE_MODE` is not `true`, and automatic
 * syncing is enabled in the configuration. On SIGTERM and SIGINT it stops the service; a host without a handler of its own
 * then ends by that signal as ever.
 */
export function startBackgroundSync(options?: StartBackgroundSyncOptions): BackgroundSync {
  const { db, apiClient, ...rest } = check.options(options)
  const database = db ?? new Database()
  const configRepo = new SyncConfigRepository(database)
  const historyRepo = new SyncHistoryRepository(database)
  const engine = new SyncEngine({ db: database, apiClient: apiClient ?? new SkillsmithApiClient() })
  const service = new BackgroundSyncService(engine, configRepo, rest)
  const stop = (): Promise<void> => {
    letGo(stop)
    return service.stop()
  }

  const { backgroundSync, offlineMode } = attempt(() => native.switches(variables()))
  if (backgroundSync && !offlineMode) service.start()
  // In a worker these are never heard of: signals reach the main thread only.
  if (service.isServiceStarted()) listen(stop)
  return { engine, configRepo, historyRepo, service, stop }
}
