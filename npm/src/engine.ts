import type { NativeClient, NativeDatabase, NativeRun, TaskEvent } from './addon.js'
import * as check from './check.js'
import { SkillsmithApiClient } from './client.js'
import { type DatabaseLike, hold, type Link, linkBehind, linkTo } from './database.js'
import { attempt, fromFailure, messageOf, SkillsmithSyncError } from './errors.js'
import { native } from './native.js'
import { type ApiClientLike, answer, type HostRegistry, OFFLINE, saysOffline, type Source, sourceOf } from './registry.js'
import type { SkillRepository, SyncConfigRepository, SyncHistoryRepository } from './repositories.js'
import type { EngineStatus, SyncOptions, SyncProgress, SyncResult } from './types.js'

/** What a {@link SyncEngine} is made of. */
export interface SyncEngineOptions {
  /** The database. Default: `SKILLSMITH_DB_PATH`, else `~/.skillsmith/skills.db`. */
  db?: DatabaseLike
  /** The registry. Default: a {@link SkillsmithApiClient} with everything from the environment. */
  apiClient?: ApiClientLike
}

/** That of the core. */
const MAX_PAGE_SIZE = 10_000

/** Signals of runs that do not keep the process alive: they alone go with a run through a `sync` of the host's. */
const unhurried = new WeakSet<AbortSignal>()

/** A run with this signal does not keep the process alive. */
export function letEnd(signal: AbortSignal): void {
  unhurried.add(signal)
}

type Decision = ReturnType<typeof native.decide>

/** A repository of this library, or of the TypeScript stack, whose `db` names the database. */
export type RepositoryLike = SkillRepository | SyncConfigRepository | SyncHistoryRepository | object

/**
 * Brings a database up to date with a registry.
 *
 * Syncs run on a thread of their own. One at a time runs on a database, across all engines and processes.
 */
export class SyncEngine {
  readonly #link: Link
  readonly #source: () => Source

  constructor(options?: SyncEngineOptions)
  /** As the TypeScript stack does it; the three repositories must be of one database. Further arguments are ignored. */
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
      this.#link = commonLink(repositories)
    } else {
      const options = check.options(first as SyncEngineOptions)
      this.#source = sourceOf(options.apiClient ?? new SkillsmithApiClient())
      this.#link = linkTo(options.db)
    }
    hold(this, this.#link)
  }

  /**
   * Syncs. What goes wrong in a run is in the result and in the history: it then resolves with `success: false`, and `errors`
   * begins with the cause. Whatever was written stays, and the next run goes on where this one ended. The process stays
   * alive until it has settled.
   *
   * @throws `TypeError` or `RangeError` for options that cannot be used, {@link SkillsmithSyncError} for a closed database; nothing was done then.
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
      pageSize: check.optionalInteger('pageSize', given.pageSize, 1, MAX_PAGE_SIZE),
      deadlineMs: check.optionalInteger('deadlineMs', given.deadlineMs, 1),
      onProgress: check.optionalFunction('onProgress', given.onProgress),
      signal,
      keepAlive: !signal || !unhurried.has(signal),
    }
    const source = this.#source()
    return new Run(this.#link.use(), 'client' in source ? source : asked(source.host), run).settled()
  }

  /** How things stand. Short; blocks on the disk only. */
  getStatus(): EngineStatus {
    return attempt(() => native.engineStatus(this.#link.use()))
  }

  /** @internal Whether a background service is to begin a sync now; promised where the registry promises to say whether it is offline. */
  static decide(engine: SyncEngine): Decision | Promise<Decision> {
    const source = engine.#source()
    const decision = (isOffline: boolean): Decision => (isOffline ? 'not-due' : attempt(() => native.decide(engine.#link.use())))
    const isOffline = 'client' in source ? source.client.isOffline : saysOffline(source.host)
    return typeof isOffline === 'boolean' ? decision(isOffline) : isOffline.then(decision)
  }
}

function commonLink(repositories: unknown[]): Link {
  const [skillRepo, configRepo, historyRepo] = repositories
  const link = linkBehind(configRepo, 'configRepo')
  const path = link.use().name
  for (const [name, repository] of Object.entries({ skillRepo, historyRepo })) {
    const other = linkBehind(repository, name)
    const isSame = other.use() === link.use() || (other.use().name === path && path !== ':memory:')
    if (!isSame) {
      throw new SkillsmithSyncError(
        `${name} is of the database ${other.use().name}, but configRepo of ${path}. Make all of one database.`,
        'INVALID_ARGUMENT',
      )
    }
  }
  return link
}

interface RunOptions extends SyncOptions {
  keepAlive: boolean
}

/** A registry of the host's, and what it has said at once of being offline. */
interface Asked {
  readonly host: Pick<HostRegistry, 'checkHealth' | 'search'>
  readonly offline: boolean
}

/**
 * What it throws already here fails the run, as an error at any later question does. A promise is awaited where the run
 * asks its first question: there it can be cancelled, and has a deadline.
 */
function asked(host: HostRegistry): Asked {
  try {
    const offline = host.isOffline()
    if (typeof offline === 'boolean') return { host, offline }
    const pending = Promise.resolve(offline)
    pending.catch(() => {
      // Whoever awaits it hears of it; a cancelled run does not.
    })
    const checkHealth = async () => {
      if ((await pending) === true) throw OFFLINE
      return host.checkHealth()
    }
    return { host: { checkHealth, search: (options) => host.search(options) }, offline: false }
  } catch (thrown) {
    const fail = (): never => {
      throw thrown
    }
    return { host: { checkHealth: fail, search: fail }, offline: false }
  }
}

/** The codes of results that are no success: their public shape has no place for it. */
const codes = new WeakMap<SyncResult, string>()

/** Why a result is no success, as an error. */
export function failureOf(result: SyncResult): SkillsmithSyncError {
  const message = messageOf(result.errors?.[0] ?? 'The sync failed without saying why.')
  return fromFailure({ code: codes.get(result) ?? 'HOST_ERROR', message })
}

/** One run: what the addon tells of it, on the way to the host's callbacks and its promise. */
class Run {
  readonly #source: { readonly client: NativeClient } | Asked
  readonly #options: RunOptions
  readonly #native: NativeRun
  readonly #settled: Promise<SyncResult>
  #resolve!: (result: SyncResult) => void
  #reject!: (error: Error) => void
  /** What `onProgress` threw. */
  #thrown: { readonly message: string } | undefined

  constructor(database: NativeDatabase, source: { readonly client: NativeClient } | Asked, options: RunOptions) {
    this.#source = source
    this.#options = options
    this.#settled = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    const { force, dryRun, pageSize, deadlineMs, keepAlive, onProgress, signal } = options
    const [client, hostOffline] = 'client' in source ? [source.client] : [undefined, source.offline]
    const given = { force, dryRun, pageSize, deadlineMs, keepAlive, hostOffline, tellProgress: onProgress !== undefined }
    this.#native = attempt(() => native.NativeRun.start(database, client, given, (event) => this.#hear(event)))
    if (signal?.aborted) this.#native.cancel()
    else signal?.addEventListener('abort', this.#abort, { once: true })
  }

  settled(): Promise<SyncResult> {
    return this.#settled
  }

  readonly #abort = (): void => this.#native.cancel()

  /** Never throws: an error here would end the process. */
  #hear(event: TaskEvent): void {
    if (event.progress) this.#tell(event.progress)
    if (event.request && 'host' in this.#source) void answer(this.#native, this.#source.host, event.request)
    if (!event.end) return
    this.#options.signal?.removeEventListener('abort', this.#abort)
    if (event.result) this.#resolve(this.#finish(event.result, event.code))
    else this.#reject(fromFailure(event.failure ?? { code: 'INTERNAL', message: 'A run ended without a word.' }))
  }

  #tell(progress: SyncProgress): void {
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

  /** A callback may have thrown when it was too late to stop the run; the host hears of it all the same. */
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
