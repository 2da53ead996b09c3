// The package in the other runtimes that npm has, each as its own program.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { folder, newPath, registry } from './support/index.mjs'
import { OTHER_RUNTIMES, resultOf, startHere } from './support/runtimes.mjs'

describe('a worker that is terminated in the middle of a search of the host lets go of the lock', () => {
  for (const [name, start] of Object.entries({ 'the Node of these tests': startHere, ...OTHER_RUNTIMES })) {
    test(name, { skip: !start && 'not installed on this platform' }, async () => {
      const told = await resultOf(start('terminated.cjs', [newPath()], folder()))
      assert.deepEqual(told, [['Sync already in progress'], []])
    })
  }
})

describe('syncs, reads, cancels and ends by itself', () => {
  for (const [name, start] of Object.entries(OTHER_RUNTIMES)) {
    test(name, { skip: !start && 'not installed on this platform' }, async () => {
      const place = await registry(250)
      const told = await resultOf(start('runtime.cjs', [newPath(), place.baseUrl], folder()))
      assert.deepEqual(told, {
        result: [true, 250, 0],
        context: ['of the call'],
        stored: 250,
        runs: ['failed', 'success', 'success'],
        frequency: 'daily',
        refused: 'INVALID_ARGUMENT',
        cancelled: ['CANCELLED', 'no'],
      })
    })
  }
})

test('a connection of bun:sqlite that its host has closed is closed', {
  skip: !OTHER_RUNTIMES.Bun && 'not installed on this platform',
}, async () => {
  const told = await resultOf(OTHER_RUNTIMES.Bun('bun-closed.cjs', [newPath()], folder()))
  assert.deepEqual(told, [true, false])
})
