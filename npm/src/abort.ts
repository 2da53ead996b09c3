// AbortSignals of a host, which may be of its own kind.

import { hasMethods, optionalObject, wrongType } from './check.js'

/** By its methods, because a host may have a kind of its own. */
export function abortSignal(name: string, value: AbortSignal | null | undefined): AbortSignal | undefined {
  const signal = optionalObject(name, value, 'an AbortSignal')
  if (signal && !hasMethods(signal, 'addEventListener', 'removeEventListener')) throw wrongType(name, 'an AbortSignal', signal)
  return signal
}

/** Calls `listener` once when `signal` is aborted, or at once if it is. Returns a function that ends that, and never throws. */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): () => void {
  if (!signal) return () => {}
  if (signal.aborted) {
    listener()
    return () => {}
  }
  signal.addEventListener('abort', listener, { once: true })
  return () => {
    try {
      signal.removeEventListener('abort', listener)
    } catch {
      // A signal of the host's own kind. What it would have cancelled has ended.
    }
  }
}
