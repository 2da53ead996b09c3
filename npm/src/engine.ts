import { AsyncResource } from 'node:async_hooks'

import { abortSignal, isAborted, onAbort, reasonOf } from './abort.js'
import type { NativeClient, NativeDatabase, NativeRun, TaskEvent } from './addon.js'
import * as check from './check.js'
import { SkillsmithApiClient } from './client.js'
import { CONNECTION, type Connection, closable, connect, connectionOf, type DatabaseLike, pathAndState } from './database.js'
import { publish, wantsRequests } from './diagnostics.js'
import { attempt, callerFrames, fromFailure, isErrorCode, messageOf, SkillsmithSyncError, unexpectedEvent } from './errors.js'
import { disposable, has, hide, INSPECT } from './internals.js'
import { atHostTime, native, variables } from './native.js'
import { ofThisRealm } from './realm.js'
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
import { afterThisTurn } from './turns.js'

/** Options of a {@link SyncEngine}. */
export interface SyncEngineOptions {
  /** The database. Default: `SKILLSMITH_DB_PATH`, else `~/.skillsmith/skills.db`. */
  db?: DatabaseLike | undefined
  /** The registry. Default: a {@link SkillsmithApiClient} configured by the environment. */
  apiClient?: ApiClientLike | undefined
}

const SOURCE = Symbol('source')

const OPTIONS = ['db', 'apiClient'] as const
const SYNC_OPTIONS = [
  'force',
  'dryRun',
  'prune',
  'pageSize',
  'deadlineMs',
  'listing',
  'fullListingEveryMs',
  'requestBudget',
  'monthlyRequestBudget',
  'onProgress',
  'signal',
] as const

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
  /** @internal */
  declare readonly [SOURCE]: () => Source
  /** @internal */
  declare readonly [CONNECTION]: Connection

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
      hide(this, SOURCE, sourceOf(first))
      hide(this, CONNECTION, closable(borrowed(commonConnection(repositories)), 'engine'))
    } else {
      // A client that stands here by mistake must not be left out, and the user's own database synced from another registry.
      const options = check.knownOptions('new SyncEngine', first as SyncEngineOptions, OPTIONS)
      hide(this, SOURCE, sourceOf(options.apiClient ?? new SkillsmithApiClient()))
      hide(this, CONNECTION, closable(connect(options.db), 'engine'))
    }
  }

  /**
   * Syncs now. If the run fails, the promise still resolves, with `success: false` and the cause as the first of `errors`;
   * the history has the error too. A failed run keeps the rows that it has written, and the next run continues from there.
   * Keeps the process alive until the promise settles.
   *
   * @throws `TypeError` or `RangeError` for invalid options, {@link SkillsmithSyncError} for a database that is closed or cannot be
   *   opened, or for another word than `auto` or `search` as the listing, also in `SKILLSMITH_LISTING`. The run has not started then.
   */
  async sync(options?: SyncOptions): Promise<SyncResult> {
    const given = check.tellIgnored('sync', check.options(options), SYNC_OPTIONS)
    const signal = abortSignal('signal', given.signal)
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
    const handle = this[CONNECTION].handle()
    let source: Source
    try {
      source = this[SOURCE]()
    } catch (thrown) {
      // An address that cannot be used, say: the client of a host may have got it since.
      if (!(thrown instanceof SkillsmithSyncError)) throw thrown
      if (!run.dryRun) recordFailure(handle, thrown.message)
      return notBegun(thrown, run.dryRun ?? false)
    }
    if (isHosts(source)) return settled(() => new Run(handle, hostSource(source.host), run), run)
    const isOffline = source.asked && isHostOffline(source.asked)
    if (isOffline && (await isOffline)) {
      const host = { host: source.asked as HostRequests, offline: true }
      return settled(() => new Run(handle, host, run), run)
    }
    return settled(() => new Run(handle, source, run), run)
  }

  /** Current status: configuration, last successful run, running, due. Reads from the disk and returns at once. */
  getStatus(): EngineStatus {
    atHostTime()
    return this[CONNECTION].call((handle) => ofThisRealm(attempt(() => native.engineStatus(handle))))
  }

  /**
   * Closes the engine: later calls fail with `DATABASE_CLOSED`. A running sync ends normally. Closes the database too, if it was given
   * as a path or is the default. `using` calls this where the runtime has `Symbol.dispose`.
   */
  close(): void {
    this[CONNECTION].close?.()
  }

  /** Closes it at the end of a block: {@link SyncEngine.close}, for `using`. Missing where the runtime has no `Symbol.dispose`. */
  declare readonly [Symbol.dispose]: () => void

  /** @internal Whether it is one of ours, perhaps in a Proxy. */
  static isOurs(engine: object): engine is SyncEngine {
    return has(engine, SOURCE)
  }

  /** @internal Whether a background service should start a sync now. Returns a promise if the registry's `isOffline` does. */
  static decide(engine: SyncEngine): Decision | Promise<Decision> {
    const source = engine[SOURCE]()
    const client = !isHosts(source) ? source.client : undefined
    const decision = (isOffline: boolean): Decision => {
      if (isOffline) return 'not-due'
      const handle = engine[CONNECTION].handle()
      atHostTime()
      return attempt(() => native.decide(handle, client, variables()))
    }
    const asked = isHosts(source) ? source.host : source.asked
    const isOffline = asked ? isHostOffline(asked) : (client?.isOffline ?? false)
    return typeof isOffline === 'boolean' ? decision(isOffline) : isOffline.then(decision)
  }

  /** @internal Throws for a registry that no sync could use, such as one with a bad address. */
  static checkRegistry(engine: SyncEngine): void {
    engine[SOURCE]()
  }

  /** @internal */
  [INSPECT](): string {
    return `SyncEngine { ${pathAndState(this)} }`
  }
}

disposable(SyncEngine, 'dispose', (engine) => engine.close())

/** The repositories of the host may use it after the engine. */
function borrowed(connection: Connection): Connection {
  return { handle: () => connection.handle(), call: (body) => connection.call(body) }
}

/** The history has an entry for every run. Where that cannot be written, the result tells of the failure all the same. */
function recordFailure(handle: NativeDatabase, message: string): void {
  try {
    atHostTime()
    const history = new native.NativeHistory(handle)
    history.failRun(history.startRun(), message)
    new native.NativeConfig(handle).setLastSyncError(message)
  } catch {
    // The database is read-only, or somebody else writes for too long.
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
    if (!check.hasMethods(offline, 'then')) return { host, offline: Boolean(offline) }
    const pending = Promise.resolve(offline)
    pending.catch(() => {
      // `checkHealth` reports the rejection; a cancelled run ignores it.
    })
    const checkHealth = async () => {
      if (await pending) throw OFFLINE
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

/** Whether the registry is the host's. By a member of its own: somebody may have put one of this name on `Object.prototype`. */
function isHosts<S extends object>(source: S): source is Extract<S, { readonly host: unknown }> {
  return Object.hasOwn(source, 'host')
}

/** The error of a result without success. */
export function errorOf(result: SyncResult): SkillsmithSyncError {
  const message = messageOf(result.errors?.[0] ?? 'The sync failed without an error message.')
  const code = isErrorCode(result.code) ? result.code : 'HOST_ERROR'
  return fromFailure({ code, message }, { cause: result.cause })
}

function withCode(result: SyncResult, code: string): SyncResult {
  const { code: name, retryable } = fromFailure({ code, message: '' })
  result.code = name
  result.retryable = retryable
  return result
}

/** The result of a run, also where no thread could be started for it. */
function settled(begin: () => Run, { dryRun }: RunOptions): Promise<SyncResult> | SyncResult {
  try {
    return begin().settled
  } catch (thrown) {
    if (thrown instanceof SkillsmithSyncError && thrown.code === 'OUT_OF_MEMORY') return notBegun(thrown, dryRun ?? false)
    throw thrown
  }
}

/** The result of a run that could not begin. */
function notBegun(error: SkillsmithSyncError, dryRun: boolean): SyncResult {
  const result: SyncResult = {
    success: false,
    skillsAdded: 0,
    skillsUpdated: 0,
    skillsUnchanged: 0,
    skillsRejected: 0,
    skillsRemoved: 0,
    totalProcessed: 0,
    errors: [error.message],
    warnings: [],
    coverage: 'best-effort',
    durationMs: 0,
    requests: 0,
    dryRun,
  }
  return withCode(result, error.code)
}

/** One run: passes the addon's events on to the callbacks of the host and to the promise. */
class Run {
  readonly #source: { readonly client: NativeClient } | HostSource
  readonly #options: RunOptions
  readonly #native: NativeRun
  /** What messages of one run have in common. */
  readonly #key: object = Object.freeze({})
  readonly settled: Promise<SyncResult>
  #resolve!: (result: SyncResult) => void
  #reject!: (error: Error) => void
  readonly #removeAbort: () => void = () => {}
  readonly #frames = callerFrames()
  /** Progress that the callback has not been told of. */
  readonly #pending: { readonly progress: SyncProgress; readonly isFirst: boolean }[] = []
  readonly #seen = new Set<SyncProgress['phase']>()
  /** What `onProgress` threw. */
  #thrown: { readonly error: unknown; readonly message: string } | undefined

  constructor(database: NativeDatabase, source: { readonly client: NativeClient } | HostSource, options: RunOptions) {
    this.#source = source
    this.#options = options
    this.settled = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    const { onProgress, signal, ...rest } = options
    const [client, hostOffline] = !isHosts(source) ? [source.client] : [undefined, source.offline]
    const hostLists = isHosts(source) && check.hasMethods(source.host, 'syncRegistry')
    const listing = rest.listing ?? attempt(() => native.defaultListing(variables()))
    const given = { ...rest, listing, hostOffline, hostLists, reportProgress: onProgress !== undefined, reportRequests: wantsRequests() }
    atHostTime()
    // Callbacks run in the async context of the host's call: not every runtime keeps it for functions that an addon calls.
    const listener = AsyncResource.bind((event: TaskEvent): void => this.#onEvent(ofThisRealm(event)))
    this.#native = attempt(() => native.NativeRun.start(database, client, given, listener))
    publish('start', () => ({ run: this.#key, database: database.name }))
    try {
      this.#removeAbort = onAbort(signal, () => this.#native.cancel())
    } catch (thrown) {
      // A signal of the host's own kind. Nobody waits for the run, which has begun.
      this.settled.catch(() => {})
      this.#native.cancel()
      throw thrown
    }
  }

  /** Must not throw: an error here would end the process. */
  #onEvent(event: TaskEvent): void {
    switch (event.type) {
      case 'progress':
        this.#queue(event.progress)
        break
      case 'host-request':
        if (isHosts(this.#source)) void respond(this.#native, this.#source.host, event.request)
        break
      case 'request':
        this.#publishRequest(event)
        break
      case 'sync-result': {
        this.#flush()
        this.#removeAbort()
        const result = this.#finish(event.result, event.code)
        publish('end', () => ({ run: this.#key, result }))
        this.#resolve(result)
        break
      }
      case 'failure':
        this.#removeAbort()
        this.#reject(fromFailure(event.failure, { frames: this.#frames }))
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

  #publishRequest({ type, durationMs, rows, code, ...asked }: Extract<TaskEvent, { type: 'request' }>): void {
    const request = { run: this.#key, ...asked }
    if (durationMs === undefined) publish('request', () => request)
    else publish('page', () => ({ ...request, durationMs, ...(rows !== undefined && { rows }), ...(code !== undefined && { code }) }))
  }

  /**
   * A slow callback must not hold up the end of the run: of what has come meanwhile, it gets the newest of each phase, and the first,
   * so that phases appear in their order.
   */
  #queue(progress: SyncProgress): void {
    const isFirst = !this.#seen.has(progress.phase)
    this.#seen.add(progress.phase)
    const older = this.#pending.findIndex((each) => each.progress.phase === progress.phase && !each.isFirst)
    if (older >= 0) this.#pending.splice(older, 1)
    this.#pending.push({ progress, isFirst })
    if (this.#pending.length === 1) afterThisTurn(() => this.#flush())
  }

  #flush(): void {
    for (const { progress } of this.#pending.splice(0)) this.#report(progress)
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
    this.#thrown ??= { error: thrown, message: messageOf(thrown) }
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
    if (!reason) return result
    const { signal } = this.#options
    if (this.#thrown) result.cause = this.#thrown.error
    else if (reason === 'CANCELLED' && isAborted(signal)) result.cause = reasonOf(signal)
    return withCode(result, reason)
  }
}
