// BackgroundSyncService: when it syncs, what it tells, and how it stops.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { afterEach, beforeEach, describe, mock, test } from 'node:test'

import { inChild } from './support/child.mjs'
import { BetterSqlite3, cleanEnvironment, folder, newPath, registry, ROOT, sync, until } from './support/index.mjs'
import { Program } from './support/processes.mjs'

const { BackgroundSyncService, createBackgroundSyncService, Database, SyncConfigRepository, SyncEngine, SyncHistoryRepository } = sync

const MINUTE = 60_000
const DAY = 86_400_000

const RESULT = {
  success: true,
  skillsAdded: 1,
  skillsUpdated: 0,
  skillsUnchanged: 0,
  skillsRejected: 0,
  skillsRemoved: 0,
  totalProcessed: 1,
  errors: [],
  warnings: [],
  coverage: 'complete',
  requests: 4,
  durationMs: 1,
  dryRun: false,
}

/** Lets promises settle, under fake timers too. */
const settle = () => new Promise((resolve) => setImmediate(resolve))

/** An engine of the host's: each call gives a promise to settle by hand. */
function hostEngine() {
  const calls = []
  return {
    calls,
    sync(options) {
      return new Promise((resolve, reject) => calls.push({ options, resolve, reject }))
    },
  }
}

function schedule(changes = {}) {
  const state = { enabled: true, due: true, lastSyncAt: null, intervalMs: DAY, ...changes }
  return {
    state,
    getConfig: () => ({ enabled: state.enabled, lastSyncAt: state.lastSyncAt, intervalMs: state.intervalMs }),
    isSyncDue: () => state.due,
  }
}

const STATE = { isStarted: false, isRunning: false, lastResult: null, lastError: null, checksPerformed: 0, syncsTriggered: 0 }

describe('under fake timers, with an engine of the host', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setInterval', 'Date'], now: 1_800_000_000_000 }))
  afterEach(() => mock.timers.reset())

  const quiet = { onSyncError: () => {} }

  test('it syncs when started, and then each time that a check finds it due', async () => {
    const engine = hostEngine()
    const config = schedule()
    const service = new BackgroundSyncService(engine, config)
    assert.deepEqual(service.getState(), STATE)
    service.start()
    service.start()
    assert.equal(engine.calls.length, 1)
    assert.deepEqual([service.isServiceStarted(), service.isSyncRunning()], [true, true])
    mock.timers.tick(MINUTE)
    assert.equal(engine.calls.length, 1, 'one at a time')
    engine.calls[0].resolve(RESULT)
    await settle()
    assert.deepEqual(service.getState(), { ...STATE, isStarted: true, lastResult: RESULT, checksPerformed: 1, syncsTriggered: 1 })
    config.state.lastSyncAt = '2026-01-01T00:00:00.000Z'
    config.state.due = false
    mock.timers.tick(3 * MINUTE)
    assert.equal(engine.calls.length, 1, 'not due')
    config.state.due = true
    mock.timers.tick(MINUTE)
    assert.equal(engine.calls.length, 2)
    assert.equal(service.getState().checksPerformed, 5)
  })

  test('the check interval and the start are options', () => {
    const engine = hostEngine()
    const service = new BackgroundSyncService(engine, schedule(), { checkIntervalMs: 250, syncOnStart: false })
    service.start()
    mock.timers.tick(249)
    assert.equal(engine.calls.length, 0)
    mock.timers.tick(1)
    assert.equal(engine.calls.length, 1)
  })

  test('it is not started where syncing is disabled, and pauses while it is', async () => {
    const engine = hostEngine()
    const config = schedule({ enabled: false })
    const service = createBackgroundSyncService(engine, config)
    assert.equal(service.isServiceStarted(), false)
    mock.timers.tick(10 * MINUTE)
    assert.equal(engine.calls.length, 0)
    config.state.enabled = true
    service.start()
    assert.equal(engine.calls.length, 1)
    engine.calls[0].resolve(RESULT)
    await settle()
    config.state.enabled = false
    mock.timers.tick(10 * MINUTE)
    assert.equal(engine.calls.length, 1)
  })

  test('createBackgroundSyncService starts it', () => {
    const engine = hostEngine()
    assert.equal(createBackgroundSyncService(engine, schedule(), { checkIntervalMs: 5 }).isServiceStarted(), true)
    assert.equal(engine.calls.length, 1)
  })

  test('promise_9 a failed sync is tried again after 1, 2, 4 minutes, at most the interval', async () => {
    const engine = hostEngine()
    const service = new BackgroundSyncService(engine, schedule({ intervalMs: 6 * MINUTE }), quiet)
    service.start()
    const begun = Date.now()
    const tries = []
    for (let minute = 0; minute <= 20; minute++) {
      if (engine.calls.length > tries.length) {
        tries.push((Date.now() - begun) / MINUTE)
        engine.calls.at(-1).reject(new Error('no network'))
        await settle()
      }
      mock.timers.tick(MINUTE)
    }
    assert.deepEqual(tries, [0, 1, 3, 7, 13, 19])
    assert.equal(service.getState().lastError.message, 'no network')
    // A success ends the backoff.
    engine.calls.length = 0
    mock.timers.tick(6 * MINUTE)
    engine.calls[0].resolve(RESULT)
    await settle()
    assert.equal(service.getState().lastError, null)
    mock.timers.tick(MINUTE)
    assert.equal(engine.calls.length, 2)
  })

  test('a result that is no success is told as an error too', async () => {
    const engine = hostEngine()
    const told = []
    const service = new BackgroundSyncService(engine, schedule(), {
      onSyncComplete: (result) => told.push(['complete', result.success]),
      onSyncError: (error) => told.push(['error', error.message]),
    })
    service.start()
    engine.calls[0].resolve({ ...RESULT, success: false, errors: ['one page is missing', 'and more'] })
    await settle()
    assert.deepEqual(told, [
      ['complete', false],
      ['error', 'one page is missing'],
    ])
    assert.equal(service.getState().lastError.message, 'one page is missing')
    void service.manualSync()
    engine.calls[1].resolve({ ...RESULT, success: false, errors: [Object.create(null)] })
    await settle()
    assert.deepEqual([told.at(-1), service.isSyncRunning()], [['error', 'an error without a message'], false])
    assert.equal(service.getState().lastResult.success, false)
  })

  test('what an engine throws at once, or that is no error, is told as one', async () => {
    for (const [sync, message] of [
      [
        () => {
          throw new Error('at once')
        },
        'at once',
      ],
      [() => Promise.reject('a text'), 'a text'],
      [() => Promise.reject(undefined), 'undefined'],
    ]) {
      const errors = []
      const service = new BackgroundSyncService({ sync }, schedule(), { onSyncError: (error) => errors.push(error) })
      service.start()
      await settle()
      assert.equal(errors.length, 1)
      assert.ok(errors[0] instanceof Error)
      assert.equal(errors[0].message, message)
      assert.equal(service.isSyncRunning(), false)
    }
  })

  test('promise_13 callbacks that throw, and schedules that do, do not stop it', async () => {
    const engine = hostEngine()
    const config = schedule()
    const errors = []
    const service = new BackgroundSyncService(engine, config, {
      onSyncComplete() {
        throw new Error('in onSyncComplete')
      },
      onSyncError(error) {
        errors.push(error.message)
      },
    })
    service.start()
    engine.calls[0].resolve(RESULT)
    await settle()
    assert.deepEqual(errors, ['in onSyncComplete'])
    config.isSyncDue = config.getConfig = () => {
      throw new Error('the disk is gone')
    }
    mock.timers.tick(MINUTE)
    assert.equal(service.getState().lastError.message, 'the disk is gone')
    Object.assign(config, schedule())
    mock.timers.tick(MINUTE)
    assert.equal(engine.calls.length, 2)
  })

  test('promise_13 an async onSyncComplete that rejects is told as one that throws', async () => {
    const engine = hostEngine()
    const errors = []
    const service = new BackgroundSyncService(engine, schedule(), {
      onSyncComplete: () => Promise.reject(new Error('in onSyncComplete')),
      onSyncError: (error) => errors.push(error.message),
    })
    service.start()
    engine.calls[0].resolve(RESULT)
    await settle()
    assert.deepEqual(errors, ['in onSyncComplete'])
    engine.calls.length = 0
    void service.manualSync()
    engine.calls[0].resolve({ ...RESULT, success: false, errors: ['one page is missing'] })
    await settle()
    assert.deepEqual(errors.slice(1).sort(), ['in onSyncComplete', 'one page is missing'])
  })

  test('manualSync syncs whether it is due or not, but never beside another', async () => {
    const engine = hostEngine()
    const service = new BackgroundSyncService(engine, schedule({ due: false, lastSyncAt: 'x' }), quiet)
    const run = service.manualSync()
    assert.equal(service.isSyncRunning(), true)
    await assert.rejects(service.manualSync(), { message: 'Sync already in progress', code: 'SYNC_IN_PROGRESS', retryable: true })
    engine.calls[0].resolve(RESULT)
    assert.deepEqual(await run, RESULT)
    const failing = service.manualSync()
    engine.calls[1].reject(new RangeError('no'))
    await assert.rejects(failing, RangeError)
    assert.deepEqual([service.getState().syncsTriggered, service.getState().lastError.message], [2, 'no'])
  })

  test('manualSync works once the callback is done', async () => {
    const engine = hostEngine()
    let inner
    const service = new BackgroundSyncService(engine, schedule(), {
      onSyncComplete() {
        inner ??= settle().then(() => service.manualSync())
      },
    })
    service.start()
    engine.calls[0].resolve(RESULT)
    await settle()
    await settle()
    engine.calls[1].resolve(RESULT)
    assert.deepEqual(await inner, RESULT)
  })

  test('stop ends the checks, cancels the sync, and waits for it', async () => {
    const engine = hostEngine()
    const service = new BackgroundSyncService(engine, schedule(), quiet)
    service.start()
    const { options, resolve } = engine.calls[0]
    assert.equal(options.signal.aborted, false)
    let stopped = false
    const stop = service.stop().then(() => (stopped = true))
    assert.equal(options.signal.aborted, true)
    assert.equal(service.isServiceStarted(), false)
    await settle()
    assert.equal(stopped, false)
    resolve({ ...RESULT, success: false, errors: ['Sync cancelled'] })
    await stop
    mock.timers.tick(10 * MINUTE)
    assert.equal(engine.calls.length, 1)
    await service.stop()
    service.start()
    assert.equal(engine.calls.length, 2, 'it can be started again')
    assert.equal(engine.calls[1].options.signal.aborted, false)
  })

  test('stop does not wait for ever for an engine that ignores the signal', async () => {
    const engine = hostEngine()
    const service = new BackgroundSyncService(engine, schedule(), quiet)
    service.start()
    await service.stop()
    assert.deepEqual([service.isServiceStarted(), service.isSyncRunning()], [false, true])
    engine.calls[0].resolve(RESULT)
    await settle()
    assert.equal(service.isSyncRunning(), false)
  })

  test('stop from a callback does not wait for itself', async () => {
    const engine = hostEngine()
    let stopped
    const service = new BackgroundSyncService(engine, schedule(), {
      async onSyncComplete() {
        await service.stop()
        stopped = true
      },
    })
    service.start()
    engine.calls[0].resolve(RESULT)
    await settle()
    assert.equal(stopped, true)
  })

  test('stop before the first callback of the start', async () => {
    const engine = {
      sync: () => {
        void service.stop()
        return RESULT
      },
    }
    const service = new BackgroundSyncService(engine, schedule())
    service.start()
    await settle()
    assert.equal(service.isServiceStarted(), false)
    mock.timers.tick(10 * MINUTE)
    assert.equal(service.getState().checksPerformed, 0)
  })

  test('a laptop that slept syncs once after waking', async () => {
    const engine = hostEngine()
    const service = new BackgroundSyncService(engine, schedule(), { syncOnStart: false })
    service.start()
    mock.timers.setTime(1_800_000_000_000 + 20 * DAY)
    mock.timers.tick(MINUTE)
    assert.equal(engine.calls.length, 1)
  })

  test('a wrong type names the argument', () => {
    const [engine, config] = [hostEngine(), schedule()]
    for (const [make, message] of [
      [() => new BackgroundSyncService(undefined, config), /^engine must be a SyncEngine or an object with sync, not undefined\.$/],
      [() => new BackgroundSyncService(engine, {}), /^configRepo must be a SyncConfigRepository or an object with getConfig and isSyncDue/],
      [() => new BackgroundSyncService(engine, config, 5), /^options must be an object, not a number\.$/],
      [() => new BackgroundSyncService(engine, config, { onSyncError: 'x' }), /^onSyncError must be a function, not a string\.$/],
      [() => new BackgroundSyncService(engine, config, { syncOnStart: 1 }), /^syncOnStart must be a boolean, not a number\.$/],
    ])
      assert.throws(make, (error) => error instanceof TypeError && message.test(error.message))
    for (const checkIntervalMs of [0, -1, 0.5, Number.NaN, 2 ** 31]) {
      assert.throws(() => new BackgroundSyncService(engine, config, { checkIntervalMs }), { name: 'RangeError', code: 'INVALID_ARGUMENT' })
    }
  })
})

describe('with an engine of ours', () => {
  async function place(options, skills = 300) {
    const server = await registry(skills, options)
    const db = new Database(newPath())
    const config = new SyncConfigRepository(db)
    const engine = new SyncEngine({ db, apiClient: server.client({ maxRetries: 0 }) })
    return { server, db, config, engine, history: new SyncHistoryRepository(db) }
  }

  test('it syncs at start where due, and not again before the interval has passed', async () => {
    const { engine, config, history } = await place()
    const results = []
    const options = { checkIntervalMs: 5, onSyncComplete: (result) => results.push(result) }
    const service = createBackgroundSyncService(engine, config, options)
    await until(() => results.length === 1)
    const checks = service.getState().checksPerformed
    await until(() => service.getState().checksPerformed > checks + 10)
    assert.equal(history.count(), 1)
    assert.equal(results[0].skillsAdded, 300)
    await service.stop()
    config.setLastSync('2020-01-01T00:00:00.000Z', 1)
    const second = createBackgroundSyncService(engine, config, options)
    await until(() => results.length === 2)
    assert.equal(results[1].skillsUnchanged, 300)
    await second.stop()
  })

  test('promise_9 the backoff survives a restart', async () => {
    const { server, engine, config, history } = await place({ health: 503 })
    const errors = []
    const service = createBackgroundSyncService(engine, config, { checkIntervalMs: 5, onSyncError: (error) => errors.push(error) })
    await until(() => errors.length === 1)
    assert.deepEqual([errors[0].name, errors[0].code, errors[0].retryable], ['SkillsmithSyncError', 'API_UNHEALTHY', true])
    await until(() => service.getState().checksPerformed > 10)
    await service.stop()
    const again = createBackgroundSyncService(engine, config, { checkIntervalMs: 5 })
    await until(() => again.getState().checksPerformed > 10)
    assert.equal(history.count(), 1)
    await server.post('options', { health: 'healthy' })
    assert.equal((await again.manualSync()).success, true)
    await again.stop()
  })

  test('promise_9 a backoff that the database cannot store is kept in memory', async () => {
    const { db, engine, config } = await place()
    // Nothing can be written any more, the record of the failed run included.
    const full = new sync.Database(db.name, { readonly: true })
    const stuck = new SyncEngine({ db: full, apiClient: saying(() => false) })
    const errors = []
    const service = createBackgroundSyncService(stuck, config, { checkIntervalMs: 5, onSyncError: (error) => errors.push(error.code) })
    await until(() => service.getState().checksPerformed > 20)
    assert.equal(errors.length, 1, errors.join())
    assert.equal(service.getState().syncsTriggered, 1)
    // By hand at any time.
    assert.equal((await service.manualSync()).success, false)
    assert.equal(errors.length, 2)
    await service.stop()
    assert.equal((await engine.sync()).success, true)
    full.close()
    db.close()
  })

  test('promise_11 offline it is silent', async () => {
    const { config, db, history } = await place()
    const engine = new SyncEngine({ db, apiClient: new sync.SkillsmithApiClient({ offlineMode: true, baseUrl: 'http://nowhere.invalid' }) })
    const service = createBackgroundSyncService(engine, config, { checkIntervalMs: 5 })
    await until(() => service.getState().checksPerformed > 5)
    assert.equal(history.count(), 0)
    await service.stop()
  })

  /** A registry of the host's whose word of being offline is that. */
  const saying = (isOffline) => ({ isOffline, checkHealth: () => ({ status: 'healthy' }), search: () => ({ data: [] }) })

  for (const [what, isOffline] of [
    ['throws', '() => { throw new Error("no idea") }'],
    ['rejects', 'async () => { throw new Error("no idea") }'],
  ]) {
    test(`promise_13 a registry that ${what} when asked whether it is offline fails a run, not the host`, async () => {
      const body = `async ({ sync, args: [path] }) => {
        const db = new sync.Database(path)
        const apiClient = { isOffline: ${isOffline}, checkHealth() {}, search() {} }
        const errors = []
        const engine = new sync.SyncEngine({ db, apiClient })
        const options = { checkIntervalMs: 5, onSyncError: (error) => errors.push(error.message) }
        const service = sync.createBackgroundSyncService(engine, new sync.SyncConfigRepository(db), options)
        await new Promise((resolve) => {
          const timer = setInterval(() => {
            if (errors.length === 0 && service.getState().checksPerformed < 1000) return
            clearInterval(timer)
            setTimeout(resolve, 100)
          }, 5)
        })
        await service.stop()
        return { errors, entries: new sync.SyncHistoryRepository(db).getHistory().map((entry) => entry.errorMessage) }
      }`
      assert.deepEqual(await inChild(body, { args: [newPath()] }), { value: { errors: ['no idea'], entries: ['no idea'] } })
    })
  }

  test('promise_11 a registry that promises to say that it is offline is believed', async () => {
    const { config, db, history } = await place()
    let isOffline = true
    const engine = new SyncEngine({ db, apiClient: saying(async () => isOffline) })
    const service = createBackgroundSyncService(engine, config, { checkIntervalMs: 5 })
    await until(() => service.getState().checksPerformed > 5)
    assert.deepEqual([history.count(), service.getState().syncsTriggered], [0, 0])
    isOffline = false
    await until(() => history.count() === 1)
    await service.stop()
  })

  test('the answer comes too late for a service that was stopped', async () => {
    const { config, db, history } = await place()
    let say
    const engine = new SyncEngine({ db, apiClient: saying(() => new Promise((resolve) => (say = resolve))) })
    const service = createBackgroundSyncService(engine, config)
    await service.stop()
    say(false)
    await settle()
    assert.deepEqual([history.count(), service.getState().syncsTriggered], [0, 0])
  })

  test('promise_9 a registry that reserves its listing for other plans is asked again by hand only', async () => {
    const { server, config, db, history } = await place({ sync_endpoint: { plan_required: 'community' } })
    const service = (apiKey) => {
      const engine = new SyncEngine({ db, apiClient: server.client({ apiKey }) })
      return new BackgroundSyncService(engine, config, { checkIntervalMs: 5, onSyncError: () => {} })
    }
    const refused = service('sk-of-a-small-plan')
    assert.equal((await refused.manualSync()).success, false)
    assert.match(history.getHistory()[0].errorMessage, /Team and Enterprise/)
    // As after the wait that follows a failure.
    const conn = new BetterSqlite3(db.name)
    conn.exec("DELETE FROM sync_state WHERE key = 'backoff'")
    conn.close()
    refused.start()
    await until(() => refused.getState().checksPerformed > 5)
    assert.deepEqual([history.count(), refused.getState().syncsTriggered], [1, 1])
    await refused.stop()
    await refused.manualSync()
    assert.equal(history.count(), 2)
    const other = service('sk-of-another')
    other.start()
    assert.equal(other.isSyncRunning(), false, 'after the failure')
    const again = new BetterSqlite3(db.name)
    again.exec("DELETE FROM sync_state WHERE key = 'backoff'")
    again.close()
    await until(() => history.count() === 3)
    await other.stop()
  })

  test('a registry that never says whether it is offline holds it up for 5 s, then a run', async () => {
    const { config, db, history } = await place()
    let asked = 0
    const engine = new SyncEngine({ db, apiClient: saying(() => ((asked += 1), new Promise(() => {}))) })
    mock.timers.enable({ apis: ['setInterval', 'setTimeout'] })
    try {
      const service = createBackgroundSyncService(engine, config, { checkIntervalMs: 1_000, onSyncError: () => {} })
      mock.timers.tick(4_999)
      await settle()
      assert.deepEqual([asked, service.isSyncRunning()], [1, false])
      mock.timers.tick(1)
      await settle()
      assert.deepEqual([asked, service.isSyncRunning()], [2, true])
      await service.stop()
      assert.deepEqual([history.getHistory()[0].status, service.isSyncRunning()], ['failed', false])
    } finally {
      mock.timers.reset()
    }
  })

  test('a sync of the host in the place of ours is called, as its own or by inheritance', async () => {
    class Wrapping extends SyncEngine {
      calls = 0
      sync(options) {
        this.calls += 1
        return super.sync(options)
      }
    }
    const { server, db, config } = await place()
    const heir = new Wrapping({ db, apiClient: server.client() })
    const spied = new SyncEngine({ db, apiClient: server.client() })
    const spy = mock.method(spied, 'sync')
    for (const [engine, calls] of [
      [heir, () => heir.calls],
      [spied, () => spy.mock.callCount()],
    ]) {
      const service = new BackgroundSyncService(engine, config)
      const result = await service.manualSync()
      assert.deepEqual([result.success, calls()], [true, 1])
      config.setLastSync('2020-01-01T00:00:00.000Z', 1)
      service.start()
      assert.equal(calls(), 2)
      await until(() => !service.isSyncRunning())
      assert.equal(service.getState().lastError, null)
      await service.stop()
    }
  })

  test('promise_9 a sync method with which the host replaced ours has a backoff too', async () => {
    const { engine, config } = await place()
    const spy = mock.method(engine, 'sync', () => Promise.reject(new Error('not today')))
    const service = createBackgroundSyncService(engine, config, { checkIntervalMs: 5, onSyncError: () => {} })
    await until(() => service.getState().checksPerformed > 10)
    assert.equal(spy.mock.callCount(), 1)
    await service.stop()
  })

  test('a schedule of the host in the place of ours is heard', async () => {
    for (const method of ['isSyncDue', 'getConfig']) {
      const { engine, config, history } = await place()
      config.setLastSync('2020-01-01T00:00:00.000Z', 1)
      const service = new BackgroundSyncService(engine, config, { checkIntervalMs: 5, syncOnStart: false })
      service.start()
      const disabled = { ...config.getConfig(), enabled: false }
      mock.method(config, method, () => (method === 'isSyncDue' ? false : disabled))
      await until(() => service.getState().checksPerformed > 5)
      assert.deepEqual([method, history.count()], [method, 0])
      config[method].mock.restore()
      await until(() => history.count() === 1)
      await service.stop()
    }
  })

  test('promise_12 stop cancels a run in flight and waits until it is recorded', async (context) => {
    const { engine, config, history } = await place({ delay_ms: 2_000 }, 5_000)
    const service = createBackgroundSyncService(engine, config, { onSyncError: () => {} })
    await until(() => history.count() === 1)
    const begun = performance.now()
    await service.stop()
    context.diagnostic(`stopped in ${(performance.now() - begun).toFixed(0)} ms`)
    assert.ok(performance.now() - begun < 1_500, 'not when the page came')
    assert.deepEqual([history.getHistory()[0].status, service.isSyncRunning()], ['failed', false])
  })
})

describe('what it prints', () => {
  const fails = "throw new Error('the registry\\nis gone')"
  const script = (options, sync = fails) => `
    const { BackgroundSyncService } = require(${JSON.stringify(`${ROOT}/npm`)})
    const engine = { sync: async () => { ${sync} } }
    const config = { getConfig: () => ({ enabled: true, lastSyncAt: null, intervalMs: 1e9 }), isSyncDue: () => true }
    new BackgroundSyncService(engine, config, ${options}).start()
    setTimeout(() => {}, 50)`
  const run = (...args) => spawnSync(process.execPath, ['-e', script(...args)], { encoding: 'utf8', env: cleanEnvironment(folder()) })

  test('is one line on stderr for an error that nobody takes, and nothing on stdout', () => {
    const done = run('{}')
    assert.deepEqual([done.status, done.stdout, done.stderr], [0, '', '[skillsmith-sync] the registry is gone\n'])
  })

  test('is nothing where the host takes its errors', () => {
    const done = run('{ onSyncError() {} }')
    assert.deepEqual([done.status, done.stdout, done.stderr], [0, '', ''])
  })

  test('is on stderr with debug too', () => {
    const done = run('{ debug: true, onSyncError() { throw new Error("once more") } }')
    assert.deepEqual([done.status, done.stdout], [0, ''])
    assert.match(done.stderr, /^\[skillsmith-sync\] started\n/)
    assert.match(done.stderr, /^\[skillsmith-sync\] onSyncError threw: once more$/m)
  })

  test('promise_13 is a line for a callback that rejects, and the host lives on', () => {
    const late = run('{ async onSyncError() { throw new Error("too late") } }')
    assert.deepEqual([late.status, late.stdout, late.stderr], [0, '', '[skillsmith-sync] onSyncError threw: too late\n'])
    const done = run('{ async onSyncComplete() { throw new Error("no room") } }', 'return { success: true }')
    assert.deepEqual([done.status, done.stdout, done.stderr], [0, '', '[skillsmith-sync] no room\n'])
  })

  test('promise_13 is a line for an error whose message is no text', () => {
    const done = run('{}', 'throw Object.assign(new Error(), { message: { code: 5 } })')
    assert.deepEqual([done.status, done.stdout, done.stderr], [0, '', '[skillsmith-sync] Error: [object Object]\n'])
  })

  for (const [what, close] of [
    ['whose other end is closed', ''],
    ['that the host has destroyed', 'process.stderr.destroy()'],
    ['that throws', 'process.stderr.write = () => { throw new Error("no stderr") }'],
  ]) {
    test(`promise_13 is lost on a stderr ${what}, and the host lives on`, async () => {
      const body = `process.stdin.once('data', () => {
        ${close}
        ${script('{ debug: true, onSyncError() {} }')}
        const again = new BackgroundSyncService(engine, config)
        const timer = setInterval(() => again.manualSync().catch(() => {}), 5)
        setTimeout(() => {
          clearInterval(timer)
          setTimeout(() => { require('node:fs').writeSync(3, 'listeners ' + process.stderr.listenerCount('error') + '\\n'); process.exit(7) }, 50)
        }, 200)
      })`
      const program = new Program(process.execPath, ['-e', body], { env: cleanEnvironment(folder()) })
      if (!close) program.child.stderr.destroy()
      program.say('go')
      assert.equal(await program.tells('listeners'), '0')
      assert.equal((await program.end()).code, 7)
    })
  }
})

test('promise_12 a script that does nothing but stop a service ends, though its engine ignores the signal', () => {
  const script = `
    const { BackgroundSyncService } = require(${JSON.stringify(`${ROOT}/npm`)})
    const engine = { sync: () => new Promise(() => {}) }
    const config = { getConfig: () => ({ enabled: true, lastSyncAt: null, intervalMs: 1e9 }), isSyncDue: () => true }
    const service = new BackgroundSyncService(engine, config)
    service.start()
    service.stop().then(() => console.log('stopped'))`
  const done = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', env: cleanEnvironment(folder()), timeout: 15_000 })
  assert.deepEqual([done.status, done.stdout, done.stderr], [0, 'stopped\n', ''])
})
