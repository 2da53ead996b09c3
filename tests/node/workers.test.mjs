// Worker threads: the package in many of them, and their ends in the middle of a sync.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { sync } from './support/index.mjs'
import { AT_ONCE_MS, IS_LONG, Place } from './support/processes.mjs'

const QUIET = { signal: null, stdout: '', stderr: '' }

async function ends(program, code = 0, since) {
  const { ms, ...end } = await program.end({ since, within: 60_000 })
  assert.deepEqual(end, { code, ...QUIET })
  return ms
}

const outcomes = async (program) => JSON.parse(await program.tells('outcomes'))

test('twenty workers load it at once, half of them as CommonJS and half as a module', async () => {
  const place = await Place.of(0)
  const program = place.start('workers.mjs', ['load', '20'])
  assert.deepEqual(
    await outcomes(program),
    Array.from({ length: 20 }, () => ({ posted: [sync.version], code: 0 })),
  )
  await ends(program)
})

test('promise 6: of six workers that sync one database, one does and the others hear of it', async () => {
  const place = await Place.of(3_000, { delay_ms: 60 })
  const program = place.start('workers.mjs', ['sync', '6'])
  const posted = (await outcomes(program)).map(({ posted, code }) => {
    assert.equal(code, 0)
    return posted[0]
  })
  const won = posted.filter(({ success }) => success)
  const lost = posted.filter(({ success }) => !success)
  assert.deepEqual(won, [{ name: place.path, success: true, errors: [], skillsAdded: 3_000 }])
  assert.deepEqual(
    lost,
    Array.from({ length: 5 }, () => ({ name: place.path, success: false, errors: ['Sync already in progress'], skillsAdded: 0 })),
  )
  await ends(program)
  place.assertSound()
  await place.assertComplete()
  assert.deepEqual(place.runs(), [{ status: 'success', error: null }])
})

test('a worker has an environment of its own', async () => {
  const place = await Place.of(100)
  const path = place.path
  const program = place.start('workers.mjs', ['ownEnvironment', path], { env: { SKILLSMITH_DB_PATH: '/nonexistent/skills.db' } })
  assert.deepEqual(await outcomes(program), [{ posted: [{ name: path, success: true, errors: [], skillsAdded: 100 }], code: 0 }])
  await ends(program)
  await place.assertComplete()
})

test('promise 11: a worker that alone is offline asks nobody', async () => {
  const place = await Place.of(100)
  const program = place.start('workers.mjs', ['offlineEnvironment'])
  const [{ posted }] = await outcomes(program)
  assert.deepEqual(posted[0].errors, ['API client is in offline mode. Cannot sync.'])
  assert.deepEqual(await place.registry.get('requests'), [])
  await ends(program)
})

for (const [deed, rounds, atOnce, span] of [
  ['syncTold', IS_LONG ? 30 : 8, 1, 150],
  ['syncTold', IS_LONG ? 10 : 4, 4, 150],
  ['syncHanging', IS_LONG ? 30 : 8, 1, 100],
  ['background', IS_LONG ? 15 : 4, 2, 100],
]) {
  test(`promise 14: workers are terminated during a sync: ${deed}, ${rounds} × ${atOnce}`, async (t) => {
    const place = await Place.of(20_000, { delay_ms: 20 })
    const program = place.start('workers.mjs', ['terminate', deed, rounds, atOnce, span].map(String))
    await ends(program)
    // The main thread synced afterwards, whatever they had left behind.
    assert.deepEqual(JSON.parse(await program.tells('result')), { success: true, errors: [] })
    const terminated = program.allTold('terminated').map((told) => told.trim())
    assert.equal(terminated.length, rounds * atOnce)
    const slowest = Math.max(...terminated.map(Number))
    t.diagnostic(`the slowest took ${slowest} ms`)
    assert.ok(slowest < AT_ONCE_MS, `${slowest} ms`)
    place.assertSound()
    const ids = (await place.registry.get('skills')).map(({ id }) => id)
    const stored = place.look((database) => new Set(database.prepare('SELECT id FROM skills').pluck().all()))
    assert.deepEqual(
      ids.filter((id) => !stored.has(id)),
      [],
    )
    // What one was ended in, the next goes on with: one of them may well have come to the end.
    const ended = place.runs().slice(1)
    const cutOff = ended.filter(({ status }) => status === 'failed')
    for (const { error } of cutOff) assert.ok(['interrupted', 'Sync cancelled'].includes(error), error)
    assert.ok(cutOff.length > ended.length / 2, `${cutOff.length} of ${ended.length} were ended in the middle`)
    const others = ended.filter(({ status }) => status !== 'failed')
    assert.deepEqual(
      others,
      others.map(() => ({ status: 'success', error: null })),
    )
  })
}

for (const deed of ['syncTold', 'syncHanging']) {
  test(`promise 14: the only thread that has loaded the library is terminated during its sync: ${deed}`, async () => {
    for (let round = 0; round < 5; round++) {
      const place = await Place.of(2_000)
      await place.stallFrom(6)
      await ends(place.start('workers.mjs', ['only', deed]))
      place.assertSound()
      const [run, ...more] = place.runs()
      assert.deepEqual([run, more], [{ status: 'failed', error: 'Sync cancelled' }, []])
    }
  })
}

test('a background sync in a worker: it stops on demand', async (t) => {
  const place = await Place.of(2_000)
  await place.stallFrom(6)
  const program = place.start('workers.mjs', ['background'])
  await place.stalled(program)
  program.say('stop')
  await program.tells('now')
  const ms = await ends(program, 0, program.toldAt('now'))
  t.diagnostic(`gone after ${ms} ms`)
  assert.ok(ms < AT_ONCE_MS, `${ms} ms`)
  const { stopped } = (await outcomes(program)).at(-1)
  assert.deepEqual([stopped.isStarted, stopped.isRunning, stopped.syncsTriggered], [false, false, 1])
  await place.assertRecovers(['Sync cancelled'])
})

test('a background sync does not keep a worker alive', async () => {
  const place = await Place.of(2_000)
  await place.stallFrom(1)
  const since = performance.now()
  const program = place.start('workers.mjs', ['leave'])
  assert.deepEqual(await outcomes(program), [{ posted: [], code: 0 }])
  const ms = await ends(program, 0, since)
  assert.ok(ms < AT_ONCE_MS, `${ms} ms`)
})

for (const [deed, outcome] of [
  ['throws', { posted: [], code: 1, error: 'a bug of the worker' }],
  ['exits', { posted: [], code: 3 }],
]) {
  test(`a worker that ${deed} during a sync`, async () => {
    const place = await Place.of(2_000)
    await place.stallFrom(1)
    const since = performance.now()
    const program = place.start('workers.mjs', ['failing', deed])
    assert.deepEqual(await outcomes(program), [outcome])
    const ms = await ends(program, 0, since)
    assert.ok(ms < AT_ONCE_MS, `${ms} ms`)
    place.assertSound()
  })
}

test('promise 14: process.exit in the main thread while workers sync', async (t) => {
  const place = await Place.of(2_000)
  await place.stallFrom(6)
  const program = place.start('workers.mjs', ['exit'])
  await program.tells('now')
  const ms = await ends(program, 7, program.toldAt('now'))
  t.diagnostic(`gone after ${ms} ms`)
  assert.ok(ms < AT_ONCE_MS, `${ms} ms`)
  place.assertSound()
})

test('promise 14: process.exit in the main thread at any moment of their syncs', async (t) => {
  const ROUNDS = IS_LONG ? 15 : 5
  const place = await Place.of(20_000, { delay_ms: 5 })
  let slowest = 0
  for (let round = 0; round < ROUNDS; round++) {
    const program = place.start('workers.mjs', ['exitAtRandom', '150'])
    await program.tells('now')
    slowest = Math.max(slowest, await ends(program, 7, program.toldAt('now')))
    place.assertSound()
  }
  t.diagnostic(`the slowest of ${ROUNDS} was gone after ${slowest} ms`)
  assert.ok(slowest < AT_ONCE_MS, `${slowest} ms`)
})
