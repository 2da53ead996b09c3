import type { HostRequest, NativeClient, NativeRun } from './addon.js'
import * as check from './check.js'
import { createNativeClient, SkillsmithApiClient } from './client.js'
import { messageOf } from './errors.js'
import type { SearchOptions } from './types.js'

/** A registry that the host supplies. Its methods may return promises; their retries are their own. */
export interface HostRegistry {
  /** Whether nothing may be sent: every sync then fails, and a background service begins none. */
  isOffline(): boolean | Promise<boolean>
  /** How it is; the sync does not begin where it is `unhealthy`. */
  checkHealth(): { status: string } | Promise<{ status: string }>
  /** One page, `{ data: […], meta?: { total, limit } }`. An error with a `statusCode` or `status` means what it means over HTTP. */
  search(options: SearchOptions): unknown
}

/** Our client, the TypeScript stack's (known by its `baseUrl`, and read anew for each run), or a registry of the host's. */
export type ApiClientLike = SkillsmithApiClient | HostRegistry

/** A registry as a run uses it. */
export type Source = { readonly client: NativeClient } | { readonly host: HostRegistry }

/** What `apiClient` stands for. The stack's own client is read when a run begins, since a host may change it. */
export function sourceOf(apiClient: unknown, name = 'apiClient'): () => Source {
  if (apiClient instanceof SkillsmithApiClient) {
    const client = SkillsmithApiClient.handle(apiClient)
    return () => ({ client })
  }
  if (check.isObject(apiClient) && typeof apiClient.baseUrl === 'string') {
    return () => ({ client: clientLike(apiClient, name) })
  }
  if (!check.hasMethods(apiClient, 'isOffline', 'checkHealth', 'search')) {
    throw check.wrongType(name, 'a SkillsmithApiClient or an object with isOffline, checkHealth and search', apiClient)
  }
  const host = apiClient as unknown as HostRegistry
  return () => ({ host })
}

function clientLike(stack: Record<PropertyKey, unknown>, name: string): NativeClient {
  const text = (key: string) => check.optionalString(`${name}.${key}`, stack[key])
  return createNativeClient({
    baseUrl: text('baseUrl'),
    anonKey: text('anonKey'),
    apiKey: text('apiKey'),
    jwtToken: text('jwtToken'),
    offlineMode: check.optionalBoolean(`${name}.offlineMode`, stack.offlineMode),
  })
}

/** How long a check of the background waits for a registry to say whether it is offline. */
const OFFLINE_PATIENCE_MS = 5_000

/**
 * Whether it says that it is offline; never throws or rejects. Of one that fails to say, or says nothing, the run is
 * to tell: it asks again, fails with what is thrown, has a deadline and can be cancelled.
 */
export function saysOffline(host: HostRegistry): boolean | Promise<boolean> {
  try {
    const said: unknown = host.isOffline()
    if (!check.hasMethods(said, 'then')) return said === true
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, OFFLINE_PATIENCE_MS, false)
      timer.unref?.()
      const settle = (isOffline: boolean): void => {
        clearTimeout(timer)
        resolve(isOffline)
      }
      Promise.resolve(said).then(
        (isOffline) => settle(isOffline === true),
        () => settle(false),
      )
    })
  } catch {
    return false
  }
}

/** Thrown where the registry has said late that it is offline. */
export const OFFLINE = Symbol('offline')

/** Answers a question of a run with the host's registry. */
export async function answer(run: NativeRun, host: Pick<HostRegistry, 'checkHealth' | 'search'>, request: HostRequest): Promise<void> {
  try {
    if (request.limit === undefined) {
      const health = await host.checkHealth()
      run.answer(request.id, String(health?.status))
      return
    }
    const { query, trustTier, minQualityScore, limit, offset } = request
    const page = await host.search({
      ...(query !== undefined && { query }),
      ...(trustTier !== undefined && { trustTier }),
      ...(minQualityScore !== undefined && { minQualityScore }),
      limit,
      offset: offset ?? 0,
    })
    const text = JSON.stringify(page)
    if (text === undefined) run.answerNonsense(request.id, `search returned ${typeof page}`)
    else run.answer(request.id, text)
  } catch (thrown) {
    if (thrown === OFFLINE) run.answerOffline(request.id)
    else run.answerThrown(request.id, messageOf(thrown), statusOf(thrown))
  }
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
