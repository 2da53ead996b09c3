import type { NativeClient, NativeDatabase, NativeRun, TaskEvent } from './addon.js'
import * as check from './check.js'
import { SkillsmithApiClient } from './client.js'
import { type Connection, connect, connectionOf, type DatabaseLike, setConnection } from './database.js'
import { attempt, fromFailure, messageOf, SkillsmithSyncError, unexpectedEvent } from './errors.js'
import { native, variables } from './native.js'
import {
  type ApiClientLike,
  type AnyHostRegistry,
  type HostRequests,
  isHostOffline,
  OFFLINE,
  respond,
  type Source,
  sourceOf,
} from './registry.js'
import type { SkillRepository, SyncConfigRepository, SyncHistoryRepository } from './repositories.js'
import type { EngineStatus, SyncOptions, SyncProgress, SyncResult } from './types.js'

/** Options of a {@link SyncEngine}. */
export interface SyncEngineOptions {
  /** The database. Default: `SKILLSMITH_DB_PATH`, else `~/.skillsmith/skills.db`. */
  db?: DatabaseLike
  /** The registry. Default: a {@link SkillsmithApiClient} configured by the environment. */
  apiClient?: ApiClientLike
}

/** The largest page size that the core accepts. */
const MAX_PAGE_SIZE = 10_000
const MAX_COUNT = Number.MAX_SAFE_INTEGER

/**
 * Signals of runs that do not keep the process alive. The signal marks the run because it is passed on even by a `sync`
 * method with which the host has replaced ours.
 */
const backgroundSignals = new WeakSet<AbortSignal>()

/** Lets the process exit during a run with this signal. */
export function allowExit(signal: AbortSignal): void {
  backgroundSignals.add(signal)
}

type Decision = ReturnType<typeof native.decide>

/** A repository of this library, or one of the TypeScript stack with a `db` property. */
export type RepositoryLike = SkillRepository | SyncConfigRepository | SyncHistoryRepository | object

/**
 * Syncs a database with a registry.
 *
 * A sync runs on its own thread. Only one sync runs on a database at a time, across all engines and processes.
 */
export class SyncEngine {
  readonly #connection: Connection
  readonly #source: () => Source

  /** @throws `TypeError` for wrong types, and for a database that is a copy in memory; see {@link DatabaseLike}. */
  constructor(options?: SyncEngineOptions)
  /** The constructor of the TypeScript stack. The three repositories must use the same database. Ignores further arguments. */
  constructor(
    apiClient: ApiClientLike,
    skillRepo: RepositoryLike,
    configRepo: RepositoryLike,
    historyRepo: RepositoryLike,
    ...ignored: unknown[]
  )
  constructor(first?: SyncEngineOptions | ApiClientLike, ...repositories: unknown[]) {
    if (repositories.length > 0) {
      this.#source = sourceOf(first)
      this.#connection = commonConnection(repositories)
    } else {
      const options = check.options(first as SyncEngineOptions)
      this.#source = sourceOf(options.apiClient ?? new SkillsmithApiClient())
      this.#connection = connect(options.db)
    }
    setConnection(this, this.#connection)
  }

  /**
   * Syncs now. If the run fails, the promise still resolves, with `success: false` and the cause as the first of `errors`;
   * the history has the error too. A failed run keeps the rows that it has written, and the next run continues from there.
   * Keeps the process alive until the promise settles.
   *
   * @throws `TypeError` or `RangeError` for invalid options, {@link SkillsmithSyncError} for a closed database, or for another
   *   word than `auto` or `search` as the listing, also in `SKILLSMITH_LISTING`. The run has not started then.
   */
  async sync(options?: SyncOptions): Promise<SyncResult> {
    const given = check.options(options)
    const signal = check.optionalObject('signal', given.signal, 'an AbortSignal')
    if (signal && !check.hasMethods(signal, 'addEventListener', 'removeEventListener')) {
      throw check.wrongType('signal', 'an AbortSignal', signal)
    }
    const run = {
      force: check.optionalBoolean('force', given.force),
      dryRun: check.optionalBoolean('dryRun', given.dryRun),
      prune: check.optionalBoolean('prune', given.prune),
      pageSize: check.optionalInteger('pageSize', given.pageSize, 1, MAX_PAGE_SIZE),
      deadlineMs: check.optionalInteger('deadlineMs', given.deadlineMs, 1),
      listing: check.optionalString('listing', given.listing) as SyncOptions['listing'],
      fullListingEveryMs: check.optionalInteger('fullListingEveryMs', given.fullListingEveryMs, 0, MAX_COUNT),
      requestBudget: check.optionalInteger('requestBudget', given.requestBudget, 0, MAX_COUNT),
      monthlyRequestBudget: check.optionalInteger('monthlyRequestBudget', given.monthlyRequestBudget, 0, MAX_COUNT),
      onProgress: check.optionalFunction('onProgress', given.onProgress),
      signal,
      keepAlive: !signal || !backgroundSignals.has(signal),
    }
    const source = this.#source()
    return new Run(this.#connection.handle(), 'client' in source ? source : hostSource(source.host), run).settled
  }

  /** Current status: configuration, last successful run, running, due. Reads from the disk and returns at once. */
  getStatus(): EngineStatus {
    const handle = this.#connection.handle()
    return attempt(() => native.engineStatus(handle))
  }

  /** @internal Whether a background service should start a sync now. Returns a promise if the registry's `isOffline` does. */
  static decide(engine: SyncEngine): Decision | Promise<Decision> {
    const source = engine.#source()
    const client = 'client' in source ? source.client : undefined
    const decision = (isOffline: boolean): Decision => {
      if (isOffline) return 'not-due'
      const handle = engine.#connection.handle()
      return attempt(() => native.decide(handle, client, variables()))
    }
    const isOffline = 'client' in source ? source.client.isOffline : isHostOffline(source.host)
    return typeof isOffline === 'boolean' ? decision(isOffline) : isOffline.then(decision)
  }
}

function commonConnection(repositories: unknown[]): Connection {
  const [skillRepo, configRepo, historyRepo] = repositories
  const connection = connectionOf(configRepo, 'configRepo')
  const path = connection.handle().name
  for (const [name, repository] of Object.entries({ skillRepo, historyRepo })) {
    const other = connectionOf(repository, name)
    const isSame = other.handle() === connection.handle() || (other.handle().name === path && path !== ':memory:')
    if (!isSame) {
      throw new SkillsmithSyncError(
        `${name} uses the database ${other.handle().name}, but configRepo uses ${path}. Create all repositories with the same database.`,
        'INVALID_ARGUMENT',
      )
    }
  }
  return connection
}

interface RunOptions extends SyncOptions {
  keepAlive: boolean
}

/** A registry of the host, and the value of `isOffline` if that was not a promise. */
interface HostSource {
  readonly host: HostRequests
  readonly offline: boolean
}

/**
 * Calls `isOffline`. If it throws, the first request of the run fails with that error. If it returns a promise, the first
 * request awaits it, because a request can be cancelled and has a deadline.
 */
function hostSource(host: AnyHostRegistry): HostSource {
  try {
    const offline = host.isOffline()
    if (typeof offline === 'boolean') return { host, offline }
    const pending = Promise.resolve(offline)
    pending.catch(() => {
      // `checkHealth` reports the rejection; a cancelled run ignores it.
    })
    const checkHealth = async () => {
      if ((await pending) === true) throw OFFLINE
      return host.checkHealth()
    }
    return { host: { checkHealth, search: searchMethod(host), syncRegistry: syncMethod(host) }, offline: false }
  } catch (thrown) {
    const fail = (): never => {
      throw thrown
    }
    return { host: { checkHealth: fail, search: fail }, offline: false }
  }
}

/** A method of a registry that may be missing, or undefined. */
function searchMethod(host: AnyHostRegistry): HostRequests['search'] {
  return check.hasMethods(host, 'search') ? (options) => host.search?.(options) : undefined
}

/** The same for the sync endpoint. */
function syncMethod(host: AnyHostRegistry): HostRequests['syncRegistry'] {
  return check.hasMethods(host, 'syncRegistry') ? (options) => host.syncRegistry?.(options) : undefined
}

/** The error codes of results without success. `SyncResult` has no field for them. */
const codes = new WeakMap<SyncResult, string>()

/** The error of a result without success. */
export function errorOf(result: SyncResult): SkillsmithSyncError {
  const message = messageOf(result.errors?.[0] ?? 'The sync failed without an error message.')
  return fromFailure({ code: codes.get(result) ?? 'HOST_ERROR', message })
}

/** One run: passes the addon's events on to the callbacks of the host and to the promise. */
class Run {
  readonly #source: { readonly client: NativeClient } | HostSource
  readonly #options: RunOptions
  readonly #native: NativeRun
  readonly settled: Promise<SyncResult>
  #resolve!: (result: SyncResult) => void
  #reject!: (error: Error) => void
  /** What `onProgress` threw. */
  #thrown: { readonly message: string } | undefined

  constructor(database: NativeDatabase, source: { readonly client: NativeClient } | HostSource, options: RunOptions) {
    this.#source = source
    this.#options = options
    this.settled = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    const { onProgress, signal, ...rest } = options
    const [client, hostOffline] = 'client' in source ? [source.client] : [undefined, source.offline]
    const hostLists = 'host' in source && check.hasMethods(source.host, 'syncRegistry')
    const listing = rest.listing ?? attempt(() => native.defaultListing(variables()))
    const given = { ...rest, listing, hostOffline, hostLists, reportProgress: onProgress !== undefined }
    this.#native = attempt(() => native.NativeRun.start(database, client, given, (event) => this.#onEvent(event)))
    if (signal?.aborted) this.#native.cancel()
    else signal?.addEventListener('abort', this.#abort, { once: true })
  }

  readonly #abort = (): void => this.#native.cancel()

  /** Must not throw: an error here would end the process. */
  #onEvent(event: TaskEvent): void {
    switch (event.type) {
      case 'progress':
        this.#report(event.progress)
        break
      case 'host-request':
        if ('host' in this.#source) void respond(this.#native, this.#source.host, event.request)
        break
      case 'sync-result':
        this.#removeAbort()
        this.#resolve(this.#finish(event.result, event.code))
        break
      case 'failure':
        this.#removeAbort()
        this.#reject(fromFailure(event.failure))
        break
      case 'response':
      case 'exit':
        this.#removeAbort()
        this.#reject(unexpectedEvent(event))
        break
      default:
        event satisfies never
    }
  }

  #removeAbort(): void {
    try {
      this.#options.signal?.removeEventListener('abort', this.#abort)
    } catch {
      // A signal of the host's own kind. The run has ended, so its abort does nothing.
    }
  }

  #report(progress: SyncProgress): void {
    if (this.#thrown) return
    try {
      const returned: unknown = this.#options.onProgress?.(progress)
      if (check.hasMethods(returned, 'then')) Promise.resolve(returned).catch((thrown) => this.#fail(thrown))
    } catch (thrown) {
      this.#fail(thrown)
    }
  }

  #fail(thrown: unknown): void {
    this.#thrown ??= { message: messageOf(thrown) }
    this.#native.cancel(this.#thrown.message)
  }

  /** If `onProgress` threw too late to stop the run, the result still reports the error. */
  #finish(result: SyncResult, code: string | undefined): SyncResult {
    const late = this.#thrown && result.errors[0] !== this.#thrown.message ? this.#thrown : undefined
    if (late) {
      result.success = false
      result.errors.unshift(late.message)
    }
    const reason = late ? 'HOST_ERROR' : code
    if (reason) codes.set(result, reason)
    return result
  }
}
