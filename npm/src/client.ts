import type { NativeClient, TaskEvent } from './addon.js'
import * as check from './check.js'
import { attempt, fromFailure, SkillsmithSyncError } from './errors.js'
import { native, variables } from './native.js'
import type { HealthStatus, SearchOptions, SearchResponse } from './types.js'

/** Options of a {@link SkillsmithApiClient}. What is left out comes from the environment, then from `~/.skillsmith/config.json`. */
export interface ApiClientConfig {
  /** The registry's address. Else `SKILLSMITH_API_URL`, `SUPABASE_URL` + `/functions/v1`, `apiBaseUrl`, or the live service. */
  baseUrl?: string
  /** The anonymous key. Else `SUPABASE_ANON_KEY`. */
  anonKey?: string
  /** The API key. Else `SKILLSMITH_API_KEY`, or `apiKey`. */
  apiKey?: string
  /** A token of a signed-in user; goes before the API key. */
  jwtToken?: string
  /** The longest wait for the headers of an answer, and again for its body, in milliseconds. Default: 30,000. */
  timeout?: number
  /** Tries after the first one. Default: 3. */
  maxRetries?: number
  /** Send nothing. Else `SKILLSMITH_OFFLINE_MODE`. */
  offlineMode?: boolean
  /** Accepted for the sake of the TypeScript stack; the client logs nothing. */
  debug?: boolean
}

/** Asks the registry. Its calls run on threads of their own, and retry what may heal. */
export class SkillsmithApiClient {
  readonly #native: NativeClient

  /** @throws {@link SkillsmithSyncError} where the address, a key or the proxy cannot be used. */
  constructor(config?: ApiClientConfig) {
    this.#native = createNativeClient(config)
  }

  /** The registry's address. */
  get baseUrl(): string {
    return this.#native.baseUrl
  }

  /** Whether nothing is sent. */
  isOffline(): boolean {
    return this.#native.isOffline
  }

  /** Asks how the registry is, within 5 s; one that cannot be reached is `unhealthy`. Offline it is not asked. */
  async checkHealth(): Promise<HealthStatus> {
    const report = (status: HealthStatus['status'], version: string): HealthStatus => ({
      status,
      timestamp: new Date().toISOString(),
      version,
    })
    if (this.isOffline()) return report('healthy', 'offline')
    try {
      const answer = JSON.parse(await textOf((listener) => this.#native.checkHealth(listener)))
      return report(answer.status, answer.version ?? 'unknown')
    } catch (error) {
      if (error instanceof SkillsmithSyncError && error.code === 'API_UNHEALTHY') return report('unhealthy', 'unknown')
      throw error
    }
  }

  /** Fetches one page of the listing. */
  async search(options: SearchOptions = {}): Promise<SearchResponse> {
    const given = check.options(options)
    const request = {
      query: check.optionalString('query', given.query),
      trustTier: check.optionalString('trustTier', given.trustTier),
      category: check.optionalString('category', given.category),
      minQualityScore: check.optionalNumber('minQualityScore', given.minQualityScore),
      limit: check.optionalInteger('limit', given.limit, 1),
      offset: check.optionalInteger('offset', given.offset, 0, Number.MAX_SAFE_INTEGER),
    }
    return pageOf(JSON.parse(await textOf((listener) => this.#native.search(request, listener))))
  }

  /** @internal */
  static handle(client: SkillsmithApiClient): NativeClient {
    return client.#native
  }
}

/** Makes a client. */
export function createApiClient(config?: ApiClientConfig): SkillsmithApiClient {
  return new SkillsmithApiClient(config)
}

export function createNativeClient(config: ApiClientConfig | null | undefined, name = 'config'): NativeClient {
  const given = check.options(config, name)
  const options = {
    baseUrl: check.optionalString('baseUrl', given.baseUrl),
    anonKey: check.optionalString('anonKey', given.anonKey),
    apiKey: check.optionalString('apiKey', given.apiKey),
    jwtToken: check.optionalString('jwtToken', given.jwtToken),
    timeout: check.optionalInteger('timeout', given.timeout, 1),
    maxRetries: check.optionalInteger('maxRetries', given.maxRetries),
    offlineMode: check.optionalBoolean('offlineMode', given.offlineMode),
  }
  check.optionalBoolean('debug', given.debug)
  return attempt(() => native.NativeClient.create(options, variables()))
}

/** The addon hands on the text of an answer as it was served, once it is JSON; a run looks at its rows. */
function pageOf(answer: unknown): SearchResponse {
  if (check.isObject(answer) && Array.isArray(answer.data)) return answer as unknown as SearchResponse
  const isRecord = check.isObject(answer) && !Array.isArray(answer)
  const what = isRecord ? `an object whose data is ${check.describe(answer.data)}` : check.describe(answer)
  throw new SkillsmithSyncError(
    `The registry's answer could not be understood: it is JSON, but not a page of skills: ${what}`,
    'PROTOCOL_ERROR',
  )
}

function textOf(ask: (listener: (event: TaskEvent) => void) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    attempt(() =>
      ask((event) => {
        if (event.failure) reject(fromFailure(event.failure))
        else resolve(event.text ?? '')
      }),
    )
  })
}
