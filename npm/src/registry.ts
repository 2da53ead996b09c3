import type { HostRequest, NativeClient, NativeRun } from './addon.js'
import * as check from './check.js'
import { createNativeClient, SkillsmithApiClient } from './client.js'
import { messageOf } from './errors.js'
import { stackProvider } from './token.js'
import type { SearchOptions, SyncListingOptions } from './types.js'

/** A registry that the host supplies. Its methods may return promises. A sync does not retry a call that fails. */
export interface HostRegistry {
  /** Whether offline mode is on. If it is, every sync fails, and a background service starts none. */
  isOffline(): boolean | Promise<boolean>
  /** Health of the registry. A sync fails if `status` is `unhealthy`. */
  checkHealth(): { status: string } | Promise<{ status: string }>
  /**
   * Returns one page, `{ data: […], meta?: { total, limit } }`. A thrown error may have an HTTP status as `statusCode` or
   * `status`, which then means the same as over HTTP; a 403 whose `code`, `details.code` or message has `tier_not_entitled` is
   * `PLAN_REQUIRED`.
   */
  search(options: SearchOptions): unknown
  /**
   * Returns one page of the sync endpoint, as `search` does: all rows in the order of their ids or, with `since`, those that
   * have changed later. A sync then needs far fewer requests. Without this method, a sync uses `search` only.
   */
  syncRegistry?(options: SyncListingOptions): unknown
}

/** A registry of the host that has the sync endpoint and no search. A sync fails where `syncRegistry` says that it is missing. */
export interface HostSyncRegistry extends Omit<HostRegistry, 'search' | 'syncRegistry'> {
  /** As in {@link HostRegistry}. */
  syncRegistry(options: SyncListingOptions): unknown
}

/** Either of them. */
export type AnyHostRegistry = Omit<HostRegistry, 'search'> & Partial<Pick<HostRegistry, 'search'>>

/** The methods of a host's registry that a run calls. */
export type HostRequests = Pick<AnyHostRegistry, 'checkHealth' | 'search' | 'syncRegistry'>

/**
 * A {@link SkillsmithApiClient}, a client of the TypeScript stack, or a registry that the host supplies.
 *
 * The methods of an object that has them are called, also those with which a subclass of `SkillsmithApiClient` replaces ours. Only
 * the client of the TypeScript stack, unchanged, is read for its settings instead, again at the start of each run, and so is an object
 * without such methods that has a string `baseUrl`. If the registry refuses the `jwtToken` of such a client, the run makes it send a
 * `search`, with which it refreshes its token, and goes on with that.
 *
 * In tests, pass an object with these methods. What replaces `fetch` or the `http` module of Node does not see requests of this
 * package, which it sends natively.
 */
export type ApiClientLike = SkillsmithApiClient | HostRegistry | HostSyncRegistry

/** A registry as a run uses it: `asked` says whether a client of ours is offline, where a host has replaced that method. */
export type Source = { readonly client: NativeClient; readonly asked?: AnyHostRegistry } | { readonly host: AnyHostRegistry }

/** Clients that are made when they are first used. */
const laterClients = new WeakMap<object, () => Source>()

/** Stands for a client that an engine makes when it first needs one. If that fails, every sync does. */
export function clientLater(make: () => SkillsmithApiClient): ApiClientLike {
  let source: Source | undefined
  const client = Object.create(null) as ApiClientLike
  laterClients.set(client, () => {
    source ??= { client: SkillsmithApiClient.handle(make()) }
    return source
  })
  return client
}

/** Checks `apiClient`. A host may change the settings or the methods of its client between runs, so each run gets a source anew. */
export function sourceOf(apiClient: unknown, name = 'apiClient'): () => Source {
  const later = check.isObject(apiClient) ? laterClients.get(apiClient) : undefined
  if (later) return later
  if (SkillsmithApiClient.isOurs(apiClient)) {
    const client = SkillsmithApiClient.handle(apiClient)
    return () => sourceOfOurs(apiClient, client)
  }
  const hasSettings = check.isObject(apiClient) && Object.hasOwn(apiClient, 'baseUrl') && typeof apiClient.baseUrl === 'string'
  const lists = check.hasMethods(apiClient, 'search') || check.hasMethods(apiClient, 'syncRegistry')
  if (!lists || !check.hasMethods(apiClient, 'isOffline', 'checkHealth')) {
    if (hasSettings) return () => ({ client: clientLike(apiClient, name) })
    throw check.wrongType(name, 'a SkillsmithApiClient or an object with isOffline, checkHealth and search or syncRegistry', apiClient)
  }
  const host = apiClient as unknown as AnyHostRegistry
  return () => (hasSettings && isStackClient(apiClient as object) ? { client: clientLike(apiClient, name) } : { host })
}

/** The methods of our own client, as long as no host has replaced any. */
const { isOffline, checkHealth, search } = SkillsmithApiClient.prototype
const OURS = { isOffline, checkHealth, search }

/** Methods that a subclass, a Proxy or a spy of the host has in the place of ours are called. */
function sourceOfOurs(apiClient: SkillsmithApiClient, client: NativeClient): Source {
  const host: AnyHostRegistry = apiClient
  const isOurs = apiClient.checkHealth === OURS.checkHealth && apiClient.search === OURS.search && !check.hasMethods(host, 'syncRegistry')
  if (!isOurs) return { host }
  return apiClient.isOffline === OURS.isOffline ? { client } : { client, asked: host }
}

/** The name of the class, also where a bundler has made it unique. */
const STACK_CLASS = /^_*SkillsmithApiClient\d*$/

/**
 * Whether it is the client of the TypeScript stack, unchanged: an instance of its class and not of a subclass, without methods of
 * its own. Such a client is only read, because the engine needs a registry's sync endpoint, which that class cannot ask. In a
 * bundle that renames the class, its methods are called.
 */
function isStackClient(client: object): boolean {
  const proto: unknown = Object.getPrototypeOf(client)
  if (!check.isObject(proto) || typeof proto.constructor !== 'function' || !STACK_CLASS.test(proto.constructor.name)) return false
  const base: unknown = Object.getPrototypeOf(proto)
  const isBase = check.isObject(base) && Object.getPrototypeOf(base) === null
  const methods = ['isOffline', 'checkHealth', 'search', 'syncRegistry']
  return isBase && !methods.some((name) => Object.hasOwn(client, name)) && check.hasMethods(proto, 'isOffline', 'checkHealth', 'search')
}

function clientLike(stack: Record<PropertyKey, unknown>, name: string): NativeClient {
  const given = check.own(stack)
  const text = (key: string) => check.optionalString(`${name}.${key}`, given[key])
  const jwtToken = text('jwtToken')
  return createNativeClient({
    baseUrl: text('baseUrl'),
    anonKey: text('anonKey'),
    apiKey: text('apiKey'),
    jwtToken,
    token: jwtToken ? stackProvider(stack) : undefined,
    offlineMode: check.optionalBoolean(`${name}.offlineMode`, given.offlineMode),
  })
}

/** How long a background check waits for the promise of `isOffline`. */
const OFFLINE_TIMEOUT_MS = 5_000

/**
 * Whether a registry of the host is offline. Never throws or rejects: if `isOffline` fails or does not respond, the result
 * is false, and the run that follows calls it again and reports the error.
 */
export function isHostOffline(host: AnyHostRegistry): boolean | Promise<boolean> {
  try {
    const offline: unknown = host.isOffline()
    if (!check.hasMethods(offline, 'then')) return Boolean(offline)
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, OFFLINE_TIMEOUT_MS, false)
      timer.unref?.()
      const settle = (isOffline: boolean): void => {
        clearTimeout(timer)
        resolve(isOffline)
      }
      Promise.resolve(offline).then(
        (isOffline) => settle(Boolean(isOffline)),
        () => settle(false),
      )
    })
  } catch {
    return false
  }
}

/** Thrown by a request when the promise of `isOffline` resolves with true. */
export const OFFLINE = Symbol('offline')

/** A host's registry without `search` says so as one without that endpoint does over HTTP. */
class NoSearch extends Error {
  readonly statusCode = 404

  constructor() {
    super('the registry of the host has no search')
  }
}

/** Responds to a request of a run by calling the host's registry. */
export async function respond(run: NativeRun, host: HostRequests, request: HostRequest): Promise<void> {
  try {
    switch (request.type) {
      case 'health': {
        const health = await host.checkHealth()
        run.respond(request.id, String(health?.status))
        break
      }
      case 'search': {
        const { id, type, ...options } = request
        if (!check.hasMethods(host, 'search')) throw new NoSearch()
        respondPage(run, id, 'search', await host.search?.(options))
        break
      }
      case 'sync': {
        const { id, type, ...options } = request
        respondPage(run, id, 'syncRegistry', await host.syncRegistry?.(options))
        break
      }
      default:
        request satisfies never
    }
  } catch (thrown) {
    if (thrown === OFFLINE) run.respondOffline(request.id)
    else run.respondThrown(request.id, reasonOf(thrown), statusOf(thrown))
  }
}

/** The code of an answer that refuses a plan, which clients put beside their message. */
const NOT_ENTITLED = 'tier_not_entitled'

/** The message of what was thrown, and the code above if it is only beside it. */
function reasonOf(thrown: unknown): string {
  const message = messageOf(thrown)
  try {
    const { code, details } = thrown as { code?: unknown; details?: { code?: unknown } | null }
    const says = code === NOT_ENTITLED || details?.code === NOT_ENTITLED
    return says && !message.includes(NOT_ENTITLED) ? `${NOT_ENTITLED}: ${message}` : message
  } catch {
    return message
  }
}

function respondPage(run: NativeRun, id: number, method: string, page: unknown): void {
  const text = JSON.stringify(page)
  if (text === undefined) run.respondInvalid(id, `${method} must return a page, not ${check.describe(page)}`)
  else run.respond(id, text)
}

function statusOf(thrown: unknown): number | undefined {
  if (!check.isObject(thrown)) return undefined
  try {
    return [thrown.statusCode, thrown.status].find(
      (status): status is number => Number.isInteger(status) && (status as number) >= 100 && (status as number) < 600,
    )
  } catch {
    return undefined
  }
}
