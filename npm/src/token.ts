import type { NativeTokenRequest } from './addon.js'
import * as check from './check.js'
import { messageOf } from './errors.js'

/** What a {@link TokenProvider} is asked. */
export interface TokenRequest {
  /** Whether the registry has refused the last token with 401, so that a fresh one is needed. */
  readonly refused: boolean
}

/**
 * Returns the token of a signed-in user. Called on the thread of the client, before the first request and once for each
 * token that the registry has refused. An empty string means that there is none.
 *
 * The call that needs the token waits for a promise until it is cancelled or reaches its deadline, and ignores what the
 * promise settles with later. The message of an error is shown to the user, so it must not contain a credential.
 */
export type TokenProvider = (request: TokenRequest) => string | Promise<string>

/** Receives the requests of the addon for a host's provider. Never throws. */
export function listenerOf(provider: TokenProvider): (request: NativeTokenRequest) => void {
  return (request) => void answer(request, provider)
}

async function answer(request: NativeTokenRequest, provider: TokenProvider): Promise<void> {
  try {
    const token: unknown = await provider({ refused: request.refused })
    if (typeof token === 'string') request.give(token)
    else if (token === undefined || token === null) request.give('')
    else request.fail(`it must return a string, not ${check.describe(token)}`)
  } catch (thrown) {
    request.fail(messageOf(thrown))
  }
}

/** What is used of a client of the TypeScript stack that is signed in. */
type StackClient = Record<PropertyKey, unknown>

/**
 * A provider that asks a client of the TypeScript stack. That client has no method that gives a token: it refreshes its own
 * when one of its requests is refused, so it is made to send one.
 */
export function stackProvider(stack: StackClient): TokenProvider {
  const { baseUrl } = stack
  let refused = stack.jwtToken
  return async () => {
    if (stack.jwtToken === refused && check.hasMethods(stack, 'search')) {
      try {
        const search = stack.search as (options: object, callOptions: object) => unknown
        // Past its cache, since only a request can be refused.
        await search.call(stack, { query: 'skill', limit: 1 }, { cache: 'no-store' })
      } catch {
        // Whether the token has changed is all that counts.
      }
    }
    // A token belongs to the address that the client had with it.
    if (stack.baseUrl !== baseUrl) return ''
    refused = stack.jwtToken
    return typeof refused === 'string' ? refused : ''
  }
}
