// AbortSignals of a host, which may be of its own kind.

import { hasMethods, optionalObject, wrongType } from './check.js'

/** By its methods, because a host may have a kind of its own. */
export function abortSignal(name: string, value: AbortSignal | null | undefined): AbortSignal | undefined {
  const signal = optionalObject(name, value, 'an AbortSignal')
  if (signal && !(hasMethods(signal, 'addEventListener', 'removeEventListener') && tellsIfAborted(signal))) {
    throw wrongType(name, 'an AbortSignal', signal)
  }
  return signal
}

/** Not a `Proxy` around a signal, nor an object that has one as its prototype: their members throw. */
function tellsIfAborted(signal: AbortSignal): boolean {
  try {
    void signal.aborted
    return true
  } catch {
    return false
  }
}

/** Whether a signal, which may be of the host's own kind, is aborted. Never throws: callbacks of the addon ask. */
export function isAborted(signal: AbortSignal | undefined): boolean {
  try {
    return Boolean(signal?.aborted)
  } catch {
    return false
  }
}

/** The reason of an aborted signal. Never throws. */
export function reasonOf(signal: AbortSignal | undefined): unknown {
  try {
    return signal?.reason
  } catch {
    return undefined
  }
}

/** Calls `listener` once when `signal` is aborted, or at once if it is. Returns a function that ends that, and never throws. */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): () => void {
  if (!signal) return () => {}
  if (isAborted(signal)) {
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
