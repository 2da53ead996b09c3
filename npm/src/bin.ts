#!/usr/bin/env node
// The command line `skillsmith`, through the addon: no second binary.

import { native, variables } from './native.js'

const INTERRUPTED = 130

const command = native.NativeCommand.start(['skillsmith', ...process.argv.slice(2)], variables(), (event) => {
  if (event.failure) {
    process.stderr.write(`error: ${event.failure.message}\n`)
    process.exitCode = 1
  } else {
    process.exitCode = event.exitCode
  }
})

// The first one stops a sync at a safe place; who asks twice does not want to wait.
let asked = false
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (asked) process.exit(INTERRUPTED)
    asked = true
    command.cancel()
  })
}
