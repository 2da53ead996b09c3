import { AsyncResource } from 'node:async_hooks'

import { abortSignal, isAborted, onAbort, reasonOf } from './abort.js'
import type { NativeClient, NativeRequest, TaskEvent } from './addon.js'
import * as check from './check.js'
import { attempt, callerFrames, fromFailure, SkillsmithSyncError, unexpectedEvent } from './errors.js'
import { has, hide, INSPECT } from './internals.js'
import { native, variables } from './native.js'
import { listenerOf, type TokenProvider } from './token.js'
import type { HealthStatus, RequestOptions, SearchOptions, SearchResponse } from './types.js'

/**
 * Options of a {@link SkillsmithApiClient}. A missing option is read from the environment, then from `~/.skillsmith/config.json`. As
 * everywhere in this package, an option must be a property of the object itself: what its prototype has is not read.
 */
export interface ApiClientConfig {
  /** URL of the registry. Default: `SKILLSMITH_API_URL`, `SUPABASE_URL` + `/functions/v1`, `apiBaseUrl`, or the live service. */
  baseUrl?: string | URL | undefined
  /** The anonymous key. Default: `SUPABASE_ANON_KEY`. */
  anonKey?: string | undefined
  /** The API key. Default: `SKILLSMITH_API_KEY`, or `accessToken` (written by the stack's `login`) or `apiKey` of the file. */
  apiKey?: string | undefined
  /** Token of a signed-in user. It takes precedence over the API key. */
  jwtToken?: string | undefined
  /**
   * Returns the token of a signed-in user, which takes precedence over the API key. Called before the first request unless
   * `jwtToken` is set, and after a 401 for a fresh token. If there is no other token, the error is `SIGN_IN_EXPIRED`.
   */
  token?: TokenProvider | undefined
  /** Timeout in milliseconds for the headers of a response, and again for its body. Default: 30,000. */
  timeout?: number | undefined
  /** Number of retries after the first attempt. Default: 3. */
  maxRetries?: number | undefined
  /** Whether to send no requests. Default: `SKILLSMITH_OFFLINE_MODE`. */
  offlineMode?: boolean | undefined
  /**
   * Whether credentials may be sent over plain http to another machine, where everybody on the way can read them. Without it,
   * that is `INVALID_ARGUMENT`. Default: `SKILLSMITH_ALLOW_INSECURE_HTTP`, else false.
   */
  allowInsecureHttp?: boolean | undefined
  /** Accepted for compatibility with the TypeScript stack. The client logs nothing. */
  debug?: boolean | undefined
}

const NATIVE = Symbol('native')

const OPTIONS = [
  'baseUrl',
  'anonKey',
  'apiKey',
  'jwtToken',
  'token',
  'timeout',
  'maxRetries',
  'offlineMode',
  'allowInsecureHttp',
  'debug',
] as const

/** An HTTP client for the registry. Its calls run on threads of their own and retry temporary failures. */
export class SkillsmithApiClient {
  /** @internal */
  declare readonly [NATIVE]: NativeClient

  /**
   * @throws {@link SkillsmithSyncError} `INVALID_ARGUMENT` if the URL, a key or the proxy is invalid, or a key would be sent over plain http; `IO_ERROR` or
   *   `PERMISSION_DENIED` if the file is needed and cannot be read or parsed. A missing file is not an error.
   */
  constructor(config?: ApiClientConfig) {
    if (check.isObject(config)) check.tellIgnored<ApiClientConfig>('new SkillsmithApiClient', config, OPTIONS)
    hide(this, NATIVE, createNativeClient(config))
  }

  /** URL of the registry. */
  get baseUrl(): string {
    return this[NATIVE].baseUrl
  }

  /** Whether offline mode is on. */
  isOffline(): boolean {
    return this[NATIVE].isOffline
  }

  /**
   * Requests the health of the registry, with a timeout of 5 s. Returns `unhealthy` if the registry cannot be reached. Sends
   * nothing in offline mode. `signal` cancels the request; the error is `CANCELLED` then, with the reason as its `cause`.
   */
  async checkHealth(options?: RequestOptions): Promise<HealthStatus> {
    const signal = abortSignal('signal', check.options(options).signal)
    const report = (status: HealthStatus['status'], version: string): HealthStatus => ({
      status,
      timestamp: new Date().toISOString(),
      version,
    })
    if (this.isOffline()) return report('healthy', 'offline')
    try {
      const health = JSON.parse(await textOf((listener) => this[NATIVE].checkHealth(listener), signal))
      return report(health.status, health.version ?? 'unknown')
    } catch (error) {
      const isUnhealthy = error instanceof SkillsmithSyncError && error.code === 'API_UNHEALTHY'
      // What the host has cancelled says nothing about the registry.
      if (isUnhealthy && isAborted(signal)) {
        throw new SkillsmithSyncError('The request was cancelled', 'CANCELLED', { cause: reasonOf(signal) })
      }
      if (isUnhealthy) return report('unhealthy', 'unknown')
      throw error
    }
  }

  /** Fetches one page of the listing. `signal` cancels the request, as in `checkHealth`. */
  async search(options: SearchOptions & RequestOptions = {}): Promise<SearchResponse> {
    const given = check.options<SearchOptions & RequestOptions>(options)
    const signal = abortSignal('signal', given.signal)
    const request = {
      query: check.optionalString('query', given.query),
      trustTier: check.optionalString('trustTier', given.trustTier),
      category: check.optionalString('category', given.category),
      minQualityScore: check.optionalNumber('minQualityScore', given.minQualityScore),
      limit: check.optionalInteger('limit', given.limit, 1),
      offset: check.optionalInteger('offset', given.offset, 0, Number.MAX_SAFE_INTEGER),
    }
    return pageOf(JSON.parse(await textOf((listener) => this[NATIVE].search(request, listener), signal)))
  }

  /** @internal Whether it is one of ours, perhaps in a Proxy. */
  static isOurs(client: unknown): client is SkillsmithApiClient {
    return has(client, NATIVE)
  }

  /** @internal */
  [INSPECT](): string {
    return `SkillsmithApiClient { baseUrl: '${this.baseUrl}'${this.isOffline() ? ', offline' : ''} }`
  }

  /** @internal */
  static handle(client: SkillsmithApiClient): NativeClient {
    return client[NATIVE]
  }
}

/** Creates a client. */
export function createApiClient(config?: ApiClientConfig): SkillsmithApiClient {
  return new SkillsmithApiClient(config)
}

export function createNativeClient(config: ApiClientConfig | null | undefined, name = 'config'): NativeClient {
  const given = check.options(config, name)
  const options = {
    baseUrl: check.optionalAddress('baseUrl', given.baseUrl),
    anonKey: check.optionalString('anonKey', given.anonKey),
    apiKey: check.optionalString('apiKey', given.apiKey),
    jwtToken: check.optionalString('jwtToken', given.jwtToken),
    timeout: check.optionalInteger('timeout', given.timeout, 1),
    maxRetries: check.optionalInteger('maxRetries', given.maxRetries),
    offlineMode: check.optionalBoolean('offlineMode', given.offlineMode),
    allowInsecureHttp: check.optionalBoolean('allowInsecureHttp', given.allowInsecureHttp),
  }
  const provider = check.optionalFunction('token', given.token)
  check.optionalBoolean('debug', given.debug)
  return attempt(() => native.NativeClient.create(options, variables(), provider && AsyncResource.bind(listenerOf(provider))))
}

/** Checks that a response, which the addon has only checked to be JSON, is a page. */
function pageOf(response: unknown): SearchResponse {
  if (check.isObject(response) && Array.isArray(response.data)) return response as unknown as SearchResponse
  const isRecord = check.isObject(response) && !Array.isArray(response)
  const found = isRecord ? `an object whose data is ${check.describe(response.data)}` : check.describe(response)
  throw new SkillsmithSyncError(
    `The registry's answer could not be understood: expected a page of skills, an object whose data is an array, but got ${found}`,
    'PROTOCOL_ERROR',
  )
}

function textOf(start: (listener: (event: TaskEvent) => void) => NativeRequest, signal: AbortSignal | undefined): Promise<string> {
  const frames = callerFrames()
  let forgetSignal = (): void => {}
  const text = new Promise<string>((resolve, reject) => {
    const request = attempt(() =>
      start((event) => {
        switch (event.type) {
          case 'response':
            resolve(event.text)
            break
          case 'failure': {
            const isCancelled = event.failure.code === 'CANCELLED' && isAborted(signal)
            reject(fromFailure(event.failure, { frames, ...(isCancelled && { cause: reasonOf(signal) }) }))
            break
          }
          case 'progress':
          case 'host-request':
          case 'request':
          case 'sync-result':
          case 'exit':
            reject(unexpectedEvent(event))
            break
          default:
            event satisfies never
        }
      }),
    )
    forgetSignal = onAbort(signal, () => request.cancel())
  })
  return text.finally(() => forgetSignal())
}
