// The boundary of the addon: what JavaScript gets when Rust panics. A build for tests has functions that panic.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { addon } from './support/index.mjs'

test('a panic in a function throws an error', () => {
  assert.throws(() => addon.testPanic(), { name: 'Error', code: 'INTERNAL', message: /please report it.*a panic/ })
})

test('a panic in a task is its only event', async () => {
  const events = []
  await new Promise((resolve) => {
    addon.testPanicInTask((event) => {
      events.push(event)
      // A second event would come right after the first.
      setTimeout(resolve, 50)
    })
  })
  assert.deepEqual(events, [
    { type: 'failure', failure: { code: 'INTERNAL', message: 'Internal error (please report it): a panic in a task' } },
  ])
})
