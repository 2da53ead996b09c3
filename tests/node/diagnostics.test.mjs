// What runs publish on diagnostics_channel.

import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { test } from 'node:test'

import { inChild } from './support/child.mjs'
import { newPath, registry, sync } from './support/index.mjs'

const { Database, SyncEngine } = sync

/** Runs `body` and collects what is published meanwhile. */
async function published(names, body) {
  const told = []
  const listeners = names.map((name) => [`skillsmith:sync:${name}`, (message) => told.push([name, message])])
  for (const [channel, listener] of listeners) subscribe(channel, listener)
  try {
    await body()
  } finally {
    for (const [channel, listener] of listeners) unsubscribe(channel, listener)
  }
  return told
}

test('a run publishes its start, requests, pages and end, in order', async () => {
  const place = await registry(250)
  const db = new Database(newPath())
  const apiClient = place.client({ apiKey: 'sk-hunter2-0123456789' })
  let result
  const told = await published(['start', 'request', 'page', 'end'], async () => {
    result = await new SyncEngine({ db, apiClient }).sync()
  })
  assert.deepEqual([told[0][0], told.at(-1)[0]], ['start', 'end'])
  assert.deepEqual(told[0][1].database, db.name)
  assert.equal(told.at(-1)[1].result, result)
  assert.equal(new Set(told.map(([, { run }]) => run)).size, 1)
  const middle = told.slice(1, -1)
  assert.deepEqual(
    middle.map(([name]) => name),
    middle.map((_, n) => (n % 2 ? 'page' : 'request')),
  )
  assert.equal(middle[0][1].kind, 'health')
  const pages = middle.filter(([name, { kind }]) => name === 'page' && kind === 'search').map(([, page]) => page)
  assert.deepEqual(
    pages.slice(0, 3).map(({ offset, limit, rows }) => [offset, limit, rows]),
    [
      [0, 100, 100],
      [99, 100, 100],
      [198, 100, 52],
    ],
  )
  assert.ok(pages.every(({ durationMs }) => durationMs >= 0))
  assert.doesNotMatch(JSON.stringify(told), /hunter2/)
})

test('a page that fails has the code', async () => {
  const place = await registry(10)
  await place.post('faults', [{ when: { request: 1, times: 0 }, action: { status: { code: 418 } } }])
  const told = await published(['page'], () =>
    new SyncEngine({ db: new Database(':memory:'), apiClient: place.client({ maxRetries: 0 }) }).sync(),
  )
  assert.ok(
    told.some(([, { code, rows }]) => code !== undefined && rows === undefined),
    JSON.stringify(told),
  )
})

test("a host's registry is told too, and what a subscriber throws does not end the run", async () => {
  const body = `async ({ sync }) => {
    const { subscribe } = require('node:diagnostics_channel')
    const caught = []
    const pages = []
    process.on('uncaughtException', (error) => caught.push(error.message))
    subscribe('skillsmith:sync:start', () => {
      throw new Error('from the subscriber')
    })
    subscribe('skillsmith:sync:page', ({ kind, rows }) => pages.push([kind, rows]))
    const skills = [{ id: 'a/b', name: 'B' }]
    const apiClient = {
      isOffline: () => false,
      checkHealth: () => ({ status: 'healthy' }),
      search: ({ offset }) => ({ data: skills.slice(offset), meta: { total: 1 } }),
    }
    const { success } = await new sync.SyncEngine({ db: new sync.Database(':memory:'), apiClient }).sync()
    await new Promise(setImmediate)
    return { success, caught, pages: pages.slice(0, 2) }
  }`
  const { value } = await inChild(body)
  assert.deepEqual(value, {
    success: true,
    caught: ['from the subscriber'],
    pages: [
      ['health', null],
      ['search', 1],
    ],
  })
})

test('the reason of a signal and what onProgress threw are kept on the result', async () => {
  const place = await registry(10, { delay_ms: 200 })
  const sync = (options) => new SyncEngine({ db: new Database(':memory:'), apiClient: place.client() }).sync(options)
  const reason = new Error('the user has closed the window')
  const abort = new AbortController()
  const running = sync({ signal: abort.signal })
  abort.abort(reason)
  const cancelled = await running
  assert.deepEqual([cancelled.success, cancelled.code], [false, 'CANCELLED'])
  assert.equal(cancelled.cause, reason)
  const thrown = { message: 'no' }
  const failed = await sync({
    onProgress() {
      throw thrown
    },
  })
  assert.deepEqual([failed.success, failed.code], [false, 'HOST_ERROR'])
  assert.equal(failed.cause, thrown)
  const fine = await sync()
  assert.equal('cause' in fine, false)
})
