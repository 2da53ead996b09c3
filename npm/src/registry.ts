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
 * An object with a string `baseUrl` counts as a client of the TypeScript stack. Each run reads the settings of such a client again.
 * If the registry refuses its `jwtToken`, the run makes the client send a `search`, with which it refreshes its token, and goes on with that.
 */
export type ApiClientLike = SkillsmithApiClient | HostRegistry | HostSyncRegistry

/** A registry as a run uses it. */
export type Source = { readonly client: NativeClient } | { readonly host: AnyHostRegistry }

/** Checks `apiClient`. The result reads the settings of a client of the TypeScript stack, which a host may change between runs. */
export function sourceOf(apiClient: unknown, name = 'apiClient'): () => Source {
  if (apiClient instanceof SkillsmithApiClient) {
    const client = SkillsmithApiClient.handle(apiClient)
    return () => ({ client })
  }
  if (check.isObject(apiClient) && Object.hasOwn(apiClient, 'baseUrl') && typeof apiClient.baseUrl === 'string') {
    return () => ({ client: clientLike(apiClient, name) })
  }
  const lists = check.hasMethods(apiClient, 'search') || check.hasMethods(apiClient, 'syncRegistry')
  if (!lists || !check.hasMethods(apiClient, 'isOffline', 'checkHealth')) {
    throw check.wrongType(name, 'a SkillsmithApiClient or an object with isOffline, checkHealth and search or syncRegistry', apiClient)
  }
  const host = apiClient as unknown as AnyHostRegistry
  return () => ({ host })
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
    if (!check.hasMethods(offline, 'then')) return offline === true
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, OFFLINE_TIMEOUT_MS, false)
      timer.unref?.()
      const settle = (isOffline: boolean): void => {
        clearTimeout(timer)
        resolve(isOffline)
      }
      Promise.resolve(offline).then(
        (isOffline) => settle(isOffline === true),
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
