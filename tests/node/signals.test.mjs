// Signals that reach a host with a background sync: the sync stops, and the host ends exactly as it would without us.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { until } from './support/index.mjs'
import { AT_ONCE_MS, Place } from './support/processes.mjs'

/** A host of that manner whose sync hangs. */
async function hanging(manner) {
  const place = await Place.of(2_000)
  await place.stallFrom(6)
  const program = place.start('signals.mjs', [manner])
  assert.equal(await program.tells('syncing'), 'true')
  await place.stalled(program)
  await until(() => place.count() > 0, 'the first rows')
  return { place, program }
}

/** Sends the signal; the end must come at once. */
async function endsBy(t, program, signal) {
  const since = performance.now()
  program.kill(signal)
  const { ms, ...end } = await program.end({ since })
  t.diagnostic(`gone after ${ms} ms`)
  assert.ok(ms < AT_ONCE_MS, `${ms} ms`)
  return end
}

const QUIET = { stdout: '', stderr: '' }

for (const signal of ['SIGTERM', 'SIGINT']) {
  test(`${signal} ends a host without handlers by that signal, after the sync has stopped`, async (t) => {
    const { place, program } = await hanging('none')
    assert.deepEqual(await endsBy(t, program, signal), { code: null, signal, ...QUIET })
    await place.assertRecovers(['Sync cancelled'])
  })

  for (const manner of ['before', 'after', 'onceBefore', 'onceAfter']) {
    test(`${signal}: a handler of the host's is called once and ends it in its own way: ${manner}`, async (t) => {
      const { place, program } = await hanging(manner)
      assert.deepEqual(await endsBy(t, program, signal), { code: 42, signal: null, ...QUIET })
      assert.deepEqual(program.allTold('handled'), [signal])
      await place.assertRecovers(['Sync cancelled'])
    })
  }

  for (const manner of ['signalExitBefore', 'signalExitAfter']) {
    test(`${signal}: a package that ends the process unless others listen does so: ${manner}`, async (t) => {
      const { place, program } = await hanging(manner)
      assert.deepEqual(await endsBy(t, program, signal), { code: null, signal, ...QUIET })
      await place.assertRecovers(['Sync cancelled', 'interrupted'])
    })
  }

  test(`${signal}: a handler that exits at once`, async (t) => {
    const { place, program } = await hanging('exitAtOnce')
    assert.deepEqual(await endsBy(t, program, signal), { code: 42, signal: null, ...QUIET })
    await place.assertRecovers(['Sync cancelled', 'interrupted'])
  })

  test(`${signal} without a sync under way`, async (t) => {
    const place = await Place.of(10)
    const program = place.start('signals.mjs', ['none'])
    await program.tells('syncing')
    await until(() => place.runs()[0]?.status === 'success', 'the sync')
    assert.deepEqual(await endsBy(t, program, signal), { code: null, signal, ...QUIET })
    place.assertSound()
  })

  for (const [manner, syncing] of [
    ['stopHangs', 'true'],
    ['checkHangs', 'false'],
  ]) {
    test(`${signal} ends a host though its registry never says whether it is offline: ${manner}`, async (t) => {
      const place = await Place.of(10)
      const program = place.start('signals.mjs', [manner])
      assert.equal(await program.tells('syncing'), syncing)
      assert.deepEqual(await endsBy(t, program, signal), { code: null, signal, ...QUIET })
    })
  }
}

test('a host that lives on after SIGINT', async (t) => {
  const { place, program } = await hanging('ignores')
  program.kill('SIGINT')
  assert.equal(await program.tells('running'), 'false')
  assert.deepEqual(place.runs(), [{ status: 'failed', error: 'Sync cancelled' }])
  // We are out of the way now.
  assert.deepEqual(await endsBy(t, program, 'SIGTERM'), { code: null, signal: 'SIGTERM', ...QUIET })
  assert.deepEqual(program.allTold('handled'), ['SIGINT'])
  await place.assertRecovers(['Sync cancelled'])
})

test('Ctrl-C twice ends a host without handlers', async (t) => {
  const { place, program } = await hanging('none')
  program.kill('SIGINT')
  assert.deepEqual(await endsBy(t, program, 'SIGINT'), { code: null, signal: 'SIGINT', ...QUIET })
  await place.assertRecovers(['Sync cancelled', 'interrupted'])
})

test('twenty background syncs in one process: no warning, and one signal ends them all', async (t) => {
  const place = await Place.of(2_000)
  await place.stallFrom(1)
  const program = place.start('signals.mjs', ['many'])
  assert.deepEqual(JSON.parse(await program.tells('listeners')), [1, 1])
  assert.deepEqual(await endsBy(t, program, 'SIGTERM'), { code: null, signal: 'SIGTERM', ...QUIET })
})

test('stop() lets go of the signals', async (t) => {
  const place = await Place.of(2_000)
  await place.stallFrom(1)
  const program = place.start('signals.mjs', ['stops'])
  assert.deepEqual(JSON.parse(await program.tells('listeners')), {
    before: [0, 0],
    during: [1, 1],
    between: [1, 1],
    after: [0, 0],
  })
  assert.deepEqual(await endsBy(t, program, 'SIGTERM'), { code: null, signal: 'SIGTERM', ...QUIET })
})

test('a service that is not started listens to no signal', async () => {
  const place = await Place.of(10)
  const program = place.start('signals.mjs', ['disabled'])
  assert.deepEqual(JSON.parse(await program.tells('listeners')), { before: [0, 0], after: [0, 0] })
  assert.deepEqual((await program.end()).code, 0)
})
