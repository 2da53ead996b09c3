// Lines for the user. They go to stderr, because stdout may carry a protocol.

import { afterThisTurn } from './turns.js'

/** Number of writes that have not finished. */
let pendingWrites = 0
const ignore = (): void => {}

/** Writes one line, and ignores errors. */
export function printLine(text: string): void {
  write(`[skillsmith-sync] ${text.replaceAll('\n', ' ')}\n`)
}

/**
 * Without a listener, an error of the stream would end the host, and `console` handles only the first. The listener is removed
 * after the write, so that it does not hide errors of the host's own writes.
 */
function write(line: string): void {
  const stderr = ofProcess()
  if (!stderr) return
  let isPending = true
  const written = (): void => {
    // The stream emits an error after it has called back.
    afterThisTurn(end)
  }
  const end = (): void => {
    if (!isPending) return
    isPending = false
    pendingWrites -= 1
    if (pendingWrites === 0) stderr.off('error', ignore)
  }
  if (pendingWrites === 0) stderr.on('error', ignore)
  pendingWrites += 1
  try {
    stderr.write(line, written)
    // A `write` of the host's may never call back. What the stream itself still has to write is among its bytes.
    afterThisTurn(() => {
      if (!stderr.writableLength) written()
    })
  } catch {
    written()
  }
}

/** The stream; a host may have put a getter in its place that throws. */
function ofProcess(): typeof process.stderr | undefined {
  try {
    return process.stderr
  } catch {
    return undefined
  }
}
