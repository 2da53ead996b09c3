#!/usr/bin/env node
// The command line `skillsmith`. It runs in the addon, so that the package needs no second binary.

import { unexpectedEvent } from './errors.js'
import { native, variables } from './native.js'

const INTERRUPTED = 130

const command = native.NativeCommand.start(['skillsmith', ...process.argv.slice(2)], variables(), (event) => {
  switch (event.type) {
    case 'exit':
      process.exitCode = event.exitCode
      break
    case 'failure':
      fail(event.failure.message)
      break
    case 'progress':
    case 'host-request':
    case 'request':
    case 'sync-result':
    case 'response':
      fail(unexpectedEvent(event).message)
      break
    default:
      event satisfies never
  }
})

function fail(message: string): void {
  process.stderr.write(`error: ${message}\n`)
  process.exitCode = 1
}

// The first signal stops a sync at a safe point, the second one ends the process at once.
let isCancelled = false
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (isCancelled) process.exit(INTERRUPTED)
    isCancelled = true
    command.cancel()
  })
}
