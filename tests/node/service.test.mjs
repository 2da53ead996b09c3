// The service and its host: what is told of it, whom it waits for, and what it leaves behind.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { afterEach, beforeEach, describe, mock, test } from 'node:test'

import { inChild } from './support/child.mjs'
import { look } from './support/database.mjs'
import { BetterSqlite3, cleanEnvironment, folder, newPath, registry, ROOT, sync, until } from './support/index.mjs'

const { BackgroundSyncService, Database, SkillsmithApiClient, SyncConfigRepository, SyncEngine, SyncHistoryRepository } = sync

const MINUTE = 60_000
const DAY = 86_400_000
const settle = () => new Promise((resolve) => setImmediate(resolve))

const RESULT = {
  success: true,
  skillsAdded: 1,
  skillsUpdated: 0,
  skillsUnchanged: 0,
  totalProcessed: 1,
  errors: [],
  durationMs: 1,
  dryRun: false,
}

/** An engine of the host's: each call gives a promise to settle by hand. */
function hostEngine() {
  const calls = []
  return { calls, sync: (options) => new Promise((resolve, reject) => calls.push({ options, resolve, reject })) }
}

const schedule = () => ({ getConfig: () => ({ enabled: true, lastSyncAt: null, intervalMs: DAY }), isSyncDue: () => true })

/** A registry of the host's with nothing in it. */
const emptyRegistry = () => ({
  isOffline: () => false,
  checkHealth: () => ({ status: 'healthy' }),
  search: () => ({ data: [], meta: { total: 0 } }),
})

/** A database of ours with repositories and an engine. */
function place(apiClient = emptyRegistry()) {
  const db = new Database(newPath())
  const engine = new SyncEngine({ db, apiClient })
  return { db, engine, config: new SyncConfigRepository(db), history: new SyncHistoryRepository(db) }
}

/** Changes the file as another program. */
function write(path, sql, ...values) {
  const other = new BetterSqlite3(path)
  other.prepare(sql).run(...values)
  other.close()
}

describe('checks that fail', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setInterval', 'Date'], now: 1_800_000_000_000 }))
  afterEach(() => mock.timers.reset())

  test('are told once for each new reason, and forgotten when one succeeds', async () => {
    const engine = hostEngine()
    const config = schedule()
    const told = []
    const service = new BackgroundSyncService(engine, config, { syncOnStart: false, onSyncError: (error) => told.push(error.message) })
    service.start()
    const { getConfig } = config
    const failsWith = (message) => {
      config.getConfig = () => {
        throw new Error(message)
      }
    }
    failsWith('the disk is gone')
    mock.timers.tick(3 * MINUTE)
    assert.deepEqual(told, ['the disk is gone'])
    assert.equal(service.getState().lastError.message, 'the disk is gone')
    failsWith('the disk is back, and damaged')
    mock.timers.tick(2 * MINUTE)
    failsWith('the disk is gone')
    mock.timers.tick(2 * MINUTE)
    assert.deepEqual(told, ['the disk is gone', 'the disk is back, and damaged'])
    config.getConfig = () => ({ ...getConfig(), enabled: false })
    mock.timers.tick(MINUTE)
    assert.equal(service.getState().lastError, null)
    failsWith('the disk is gone')
    mock.timers.tick(2 * MINUTE)
    assert.equal(told.length, 3)
    await service.stop()
  })

  test('whose reason is always another one are told a few times', () => {
    let checks = 0
    const config = schedule()
    const told = []
    const service = new BackgroundSyncService(hostEngine(), config, {
      syncOnStart: false,
      onSyncError: (error) => told.push(error.message),
    })
    service.start()
    config.getConfig = () => {
      throw new Error(`failure ${++checks}`)
    }
    mock.timers.tick(100 * MINUTE)
    assert.deepEqual([checks, told.length], [100, 16])
    void service.stop()
  })

  test('leave the error of the last sync as it was', async () => {
    const engine = hostEngine()
    const config = schedule()
    const service = new BackgroundSyncService(engine, config, { onSyncError: () => {} })
    service.start()
    engine.calls[0].reject(new Error('no network'))
    await settle()
    const { isSyncDue, getConfig } = config
    config.getConfig = () => {
      throw new Error('busy')
    }
    mock.timers.tick(MINUTE)
    assert.equal(service.getState().lastError.message, 'busy')
    Object.assign(config, { isSyncDue, getConfig: () => ({ ...getConfig(), enabled: false }) })
    mock.timers.tick(MINUTE)
    assert.equal(service.getState().lastError.message, 'no network')
    await service.stop()
  })
})

describe('what is told of it', () => {
  test('a database that the host has closed', async () => {
    const { db, engine, config } = place()
    const told = []
    const service = new BackgroundSyncService(engine, config, { checkIntervalMs: 5, onSyncError: (error) => told.push(error.code) })
    service.start()
    await until(() => !service.isSyncRunning())
    db.close()
    await until(() => told.length > 0)
    const checks = service.getState().checksPerformed
    await until(() => service.getState().checksPerformed > checks + 10)
    assert.deepEqual(told, ['DATABASE_CLOSED'])
    await service.stop()
  })

  test('an address that cannot be used, in the client of the host', async () => {
    const { engine, config, history } = place({ baseUrl: 'localhost:3000' })
    const told = []
    const service = new BackgroundSyncService(engine, config, { checkIntervalMs: 5, onSyncError: (error) => told.push(error) })
    service.start()
    await until(() => service.getState().checksPerformed > 10)
    assert.deepEqual([told.length, told[0].code, service.getState().syncsTriggered], [1, 'INVALID_ARGUMENT', 0])
    await service.stop()
    // By hand, it is a run that fails.
    const result = await engine.sync()
    assert.deepEqual([result.success, result.code, result.retryable, result.errors], [false, 'INVALID_ARGUMENT', false, [told[0].message]])
    const [entry] = history.getHistory()
    assert.deepEqual([history.count(), entry.status, entry.errorMessage], [1, 'failed', told[0].message])
    assert.equal(config.getConfig().lastSyncError, told[0].message)
    assert.equal((await engine.sync({ dryRun: true })).dryRun, true)
    assert.equal(history.count(), 1, 'a dry run leaves no entry')
  })

  test('is one line on stderr, unless the host takes it', () => {
    const script = (options) => `
      const { BackgroundSyncService } = require(${JSON.stringify(`${ROOT}/npm`)})
      let fails = false
      const config = { getConfig() { if (fails) throw new Error('the disk is gone'); return { enabled: true } }, isSyncDue: () => false }
      const service = new BackgroundSyncService({ sync() {} }, config, { syncOnStart: false, checkIntervalMs: 5, ${options} })
      service.start()
      fails = true
      setTimeout(() => {}, 100)`
    const run = (options) => spawnSync(process.execPath, ['-e', script(options)], { encoding: 'utf8', env: cleanEnvironment(folder()) })
    const { status, stdout, stderr } = run('')
    assert.deepEqual([status, stdout, stderr], [0, '', '[skillsmith-sync] the disk is gone\n'])
    assert.equal(run('onSyncError() {}').stderr, '')
  })

  test('not that another sync was faster', async () => {
    const server = await registry(300)
    const { db, config } = place()
    const engine = new SyncEngine({ db, apiClient: server.client() })
    await server.post('faults', [{ when: { request: 1, times: 0 }, action: { stall_after: { bytes: 10 } } }])
    const abort = new AbortController()
    const other = engine.sync({ signal: abort.signal })
    await until(async () => (await server.get('requests')).length > 0)
    // The check of such an engine does not see the lock.
    const told = []
    const tell = (what) => () => told.push(what)
    const service = new BackgroundSyncService({ sync: (options) => engine.sync(options) }, config, {
      checkIntervalMs: 5,
      onSyncComplete: tell('complete'),
      onSyncError: tell('error'),
    })
    service.start()
    await until(() => service.getState().checksPerformed > 5)
    const { lastResult, lastError, syncsTriggered } = service.getState()
    assert.deepEqual([told, lastResult, lastError], [[], null, null])
    assert.ok(syncsTriggered <= 1, 'at most the one under way')
    await service.stop()
    assert.equal((await service.manualSync()).code, 'SYNC_IN_PROGRESS')
    assert.deepEqual(told, ['complete', 'error'], 'by hand it is')
    abort.abort()
    await other
  })

  test('not that it was stopped', async () => {
    const server = await registry(300)
    const { db, config, history } = place()
    const engine = new SyncEngine({ db, apiClient: server.client() })
    await server.post('faults', [{ when: { request: 2, times: 0 }, action: { stall_after: { bytes: 10 } } }])
    const told = []
    const service = new BackgroundSyncService(engine, config, { onSyncError: (error) => told.push(error) })
    service.start()
    await until(() => history.count() === 1)
    await service.stop()
    assert.deepEqual([told, service.getState().lastError, config.getConfig().lastSyncError], [[], null, null])
    const [{ status, errorMessage }] = history.getHistory()
    assert.deepEqual([status, errorMessage], ['failed', 'Sync cancelled'])
  })
})

describe('callbacks', () => {
  for (const [what, outcome] of [
    ['onSyncComplete', { resolve: RESULT }],
    ['onSyncError', { reject: new Error('no') }],
  ]) {
    for (const isAsync of [false, true]) {
      test(`${isAsync ? 'an async ' : ''}${what} that syncs again is refused, so that it is not a loop`, async () => {
        let calls = 0
        const engine = {
          sync() {
            calls += 1
            return 'resolve' in outcome ? Promise.resolve(outcome.resolve) : Promise.reject(outcome.reject)
          },
        }
        const refused = []
        const again = () => service.manualSync().catch((error) => refused.push([error.code, service.isSyncRunning()]))
        const callback = isAsync ? () => settle().then(again) : () => void again()
        const service = new BackgroundSyncService(engine, schedule(), { onSyncError() {}, [what]: callback })
        await service.manualSync().catch(() => {})
        await settle()
        await settle()
        assert.equal(calls, 1)
        assert.equal(refused[0][0], 'SYNC_IN_PROGRESS')
        assert.equal(service.isSyncRunning(), false)
        await service.manualSync().catch(() => {})
        assert.equal(calls, 2, 'afterwards it may')
      })
    }
  }

  test('whose promise never settles hold a stop not up, and the next sync for a minute', async () => {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1_800_000_000_000 })
    try {
      const engine = hostEngine()
      const service = new BackgroundSyncService(engine, schedule(), { onSyncComplete: () => new Promise(() => {}) })
      service.start()
      engine.calls[0].resolve(RESULT)
      await settle()
      assert.equal(service.isSyncRunning(), true)
      mock.timers.tick(MINUTE)
      await settle()
      assert.equal(service.isSyncRunning(), false)
      void service.manualSync()
      engine.calls[1].resolve(RESULT)
      await settle()
      await service.stop()
      assert.equal(service.isSyncRunning(), false)
    } finally {
      mock.timers.reset()
    }
  })
})

describe('with an engine of the host', () => {
  test('a clock that was set back does not stop the syncs', async () => {
    const now = Date.now()
    mock.timers.enable({ apis: ['Date'], now })
    try {
      const engine = hostEngine()
      const service = new BackgroundSyncService(engine, schedule(), { checkIntervalMs: 5, onSyncError: () => {} })
      service.start()
      engine.calls[0].reject(new Error('no network'))
      await settle()
      const checks = service.getState().checksPerformed
      await until(() => service.getState().checksPerformed > checks + 3)
      assert.equal(engine.calls.length, 1, 'backing off')
      mock.timers.setTime(now - 30 * DAY)
      await until(() => engine.calls.length === 2)
      await service.stop()
    } finally {
      mock.timers.reset()
    }
  })

  for (const [what, end] of [
    ['rejects', ({ reject }) => reject(new DOMException('aborted', 'AbortError'))],
    ['resolves without success', ({ resolve }) => resolve({ ...RESULT, success: false, errors: ['Sync aborted'] })],
  ]) {
    test(`our own stop is not a failure of one that ${what}`, async () => {
      const engine = hostEngine()
      const told = []
      const service = new BackgroundSyncService(engine, schedule(), { onSyncError: (error) => told.push(error) })
      service.start()
      const stopped = service.stop()
      end(engine.calls[0])
      await stopped
      assert.deepEqual([told, service.getState().lastError], [[], null])
      service.start()
      assert.equal(engine.calls.length, 2, 'nothing to wait for')
      void service.stop()
    })
  }

  test('a result that throws when it is read ends the run', async () => {
    for (const field of ['success', 'errors', 'skillsAdded']) {
      const result = Object.defineProperty({ ...RESULT, success: false }, field, {
        get() {
          throw new Error(`no ${field} for you`)
        },
      })
      const told = []
      const service = new BackgroundSyncService({ sync: () => result }, schedule(), { onSyncError: (error) => told.push(error.message) })
      await assert.rejects(service.manualSync(), { message: `no ${field} for you` })
      assert.deepEqual([told, service.isSyncRunning()], [[`no ${field} for you`], false])
    }
    const service = new BackgroundSyncService({ sync: () => undefined }, schedule(), { onSyncError() {} })
    await assert.rejects(service.manualSync(), { name: 'TypeError', message: /result of the engine must be an object, not undefined/ })
  })

  test('a result with getters is read as a plain one', async () => {
    class Result {
      get success() {
        return true
      }
      get skillsAdded() {
        return 7
      }
    }
    const service = new BackgroundSyncService({ sync: () => new Result() }, schedule())
    const result = await service.manualSync()
    assert.deepEqual([result.success, result.skillsAdded, result.warnings], [true, 7, []])
  })

  test('a Proxy around ours is one of ours', async () => {
    const { engine, config, history } = place()
    const service = new BackgroundSyncService(new Proxy(engine, {}), new Proxy(config, {}), { checkIntervalMs: 5 })
    service.start()
    await until(() => history.count() === 1 && !service.isSyncRunning())
    assert.equal(service.getState().lastError, null)
    await service.stop()
  })
})

describe('starts and stops', () => {
  test('stop and start without waiting: the new start syncs when the old run has ended', async () => {
    const engine = hostEngine()
    const service = new BackgroundSyncService(engine, schedule(), { checkIntervalMs: DAY })
    service.start()
    void service.stop()
    service.start()
    assert.equal(engine.calls.length, 1)
    engine.calls[0].reject(new Error('aborted'))
    await settle()
    assert.equal(engine.calls.length, 2)
    void service.stop()
    engine.calls[1].resolve(RESULT)
    await settle()
    assert.equal(engine.calls.length, 2, 'not after another stop')
  })

  test('an engine that stops and starts it leaves one timer', async () => {
    mock.timers.enable({ apis: ['setInterval', 'Date'], now: 1_800_000_000_000 })
    try {
      let calls = 0
      const engine = {
        sync() {
          calls += 1
          if (calls === 1) {
            void service.stop()
            service.start()
          }
          return new Promise(() => {})
        },
      }
      const service = new BackgroundSyncService(engine, schedule())
      service.start()
      mock.timers.tick(3 * MINUTE)
      assert.equal(service.getState().checksPerformed, 3)
      void service.stop()
      mock.timers.tick(3 * MINUTE)
      assert.equal(service.getState().checksPerformed, 3)
    } finally {
      mock.timers.reset()
    }
  })

  test('service.stop() alone lets go of the signals, and start() takes them again', async () => {
    const before = process.listenerCount('SIGTERM')
    const { service, stop } = sync.startBackgroundSync({ db: newPath(), apiClient: emptyRegistry() })
    assert.equal(process.listenerCount('SIGTERM'), before + 1)
    await service.stop()
    assert.equal(process.listenerCount('SIGTERM'), before)
    service.start()
    assert.equal(process.listenerCount('SIGTERM'), before + 1)
    await stop()
    assert.equal(process.listenerCount('SIGTERM'), before)
  })

  test('a stopped service can be collected', async () => {
    const body = `async ({ sync, args: [path] }) => {
      const apiClient = { isOffline: () => false, checkHealth: () => ({ status: 'healthy' }), search: () => ({ data: [] }) }
      const abort = new AbortController()
      const services = await Promise.all(Array.from({ length: 5 }, async () => {
        const { service } = sync.startBackgroundSync({ db: path, apiClient, signal: abort.signal })
        await service.stop()
        return new WeakRef(service)
      }))
      for (let round = 0; round < 50 && services.some((each) => each.deref()); round++) {
        await new Promise((resolve) => setTimeout(resolve, 10))
        gc()
      }
      return [services.filter((each) => each.deref()).length, abort.signal.aborted]
    }`
    assert.deepEqual(await inChild(body, { args: [newPath()], flags: ['--expose-gc'] }), { value: [0, false] })
  })

  test('a stderr.write that the host has replaced keeps no listener of ours', async () => {
    const body = `async ({ sync }) => {
      const { write } = process.stderr
      const lines = []
      process.stderr.write = (line) => lines.push(line)
      const config = { getConfig: () => ({ enabled: true }), isSyncDue: () => true }
      const service = new sync.BackgroundSyncService({ sync: () => Promise.reject(new Error('no')) }, config)
      for (let round = 0; round < 3; round++) await service.manualSync().catch(() => {})
      for (let turn = 0; turn < 1_000 && process.stderr.listenerCount('error') > 0; turn++) await new Promise(setImmediate)
      process.stderr.write = write
      return [lines, process.stderr.listenerCount('error')]
    }`
    assert.deepEqual(await inChild(body), { value: [Array(3).fill('[skillsmith-sync] no\n'), 0] })
  })
})

describe('what is meant as something else is not taken for options', () => {
  class Registry {
    isOffline() {}
    checkHealth() {}
    search() {}
  }
  class StackClient extends Registry {
    baseUrl = 'http://127.0.0.1:1'
  }
  const home = folder()
  Object.assign(process.env, { HOME: home })

  for (const [what, value] of [
    ['a client of ours', () => new SkillsmithApiClient({ baseUrl: 'http://127.0.0.1:1' })],
    ['a registry of the host', () => new Registry()],
    ['a client of the stack', () => new StackClient()],
    ['a database', () => new Database(':memory:')],
    ['null', () => null],
    ['an array', () => []],
    ['a Map', () => new Map()],
  ]) {
    for (const make of [(given) => new SyncEngine(given), sync.startBackgroundSync]) {
      test(`${what}: ${make.name || 'new SyncEngine'}`, () => {
        const given = value()
        assert.throws(
          () => make(given),
          (error) =>
            error instanceof TypeError && error.code === 'INVALID_ARGUMENT' && /^options must be an object.*, not /.test(error.message),
        )
        assert.deepEqual(readdirSync(home), [])
      })
    }
  }

  test('a plain registry, and a misspelt option, with the nearest that there is', () => {
    for (const [make, message] of [
      [() => new SyncEngine(emptyRegistry()), /^new SyncEngine has no option isOffline\. Did you mean /],
      [() => new SyncEngine({ apiclient: {} }), /^new SyncEngine has no option apiclient\. Did you mean apiClient\?$/],
      [
        () => sync.startBackgroundSync({ onSyncErorr() {} }),
        /^startBackgroundSync has no option onSyncErorr\. Did you mean onSyncError\?$/,
      ],
      [() => sync.startBackgroundSync({ path: 'x.db' }), /^startBackgroundSync has no option path\. Did you mean /],
    ]) {
      assert.throws(make, (error) => error instanceof TypeError && error.code === 'INVALID_ARGUMENT' && message.test(error.message))
    }
    assert.deepEqual(readdirSync(home), [])
  })

  test('an object of a class of the host with these options is one', () => {
    class Settings {
      db = ':memory:'
      apiClient = emptyRegistry()
    }
    assert.equal(new SyncEngine(new Settings()).getStatus().isRunning, false)
  })
})

describe('what other programs write', () => {
  test('numbers of another kind are read as the stack reads them, and mended', async () => {
    for (const [column, value] of [
      ['last_sync_count', 1.5],
      ['interval_ms', 86_400_000.5],
      ['interval_ms', 'soon'],
      ['enabled', 1.5],
      ['enabled', 'yes'],
    ]) {
      const { db, config, engine } = place()
      write(db.name, `UPDATE sync_config SET ${column} = ?`, value)
      const { enabled, intervalMs, lastSyncCount } = config.getConfig()
      assert.deepEqual([intervalMs, lastSyncCount], [DAY, column === 'last_sync_count' ? 1 : 0], `${column} ${value}`)
      assert.equal(enabled, column !== 'enabled')
      assert.equal(engine.getStatus().config.intervalMs, DAY)
      config.enable()
      config.setFrequency('daily')
      assert.equal((await engine.sync()).success, true)
      const [row] = look(db.name, (file) => file.prepare('SELECT enabled, interval_ms, last_sync_count FROM sync_config').raw().all())
      assert.deepEqual(row, [1, DAY, 0])
    }
    const { db, history } = place()
    const id = history.startRun()
    history.completeRun(id, { skillsAdded: 1, skillsUpdated: 0, skillsUnchanged: 0 })
    for (const [value, read] of [
      [12.7, 12],
      ['long', null],
    ]) {
      write(db.name, 'UPDATE sync_history SET duration_ms = ?', value)
      assert.equal(history.getById(id).durationMs, read)
    }
  })

  test('a last sync that is NULL is due, whatever the schedule says', () => {
    const { db, config, engine } = place()
    config.setLastSync(new Date().toISOString(), 1)
    assert.equal(config.isSyncDue(), false)
    write(db.name, 'UPDATE sync_config SET last_sync_at = NULL')
    assert.deepEqual([config.isSyncDue(), engine.getStatus().isDue], [true, true])
  })

  test('a recent last sync without a schedule is not due, and gets one', () => {
    const { db, config, engine } = place()
    const last = new Date(Date.now() - 3_600_000)
    config.setLastSync(last.toISOString(), 1)
    write(db.name, 'UPDATE sync_config SET next_sync_at = NULL')
    assert.equal(engine.getStatus().isDue, false)
    assert.equal(config.isSyncDue(), false)
    assert.equal(config.getConfig().nextSyncAt, new Date(last.getTime() + DAY).toISOString())
    config.setLastSync(new Date(Date.now() - 2 * DAY).toISOString(), 1)
    write(db.name, 'UPDATE sync_config SET next_sync_at = NULL')
    assert.equal(config.isSyncDue(), true)
  })

  test('a live run of another engine is not marked as interrupted before it may be dead', async () => {
    const { db, engine, history } = place()
    const start = (id, minutesAgo) => {
      const at = new Date(Date.now() - minutesAgo * MINUTE).toISOString()
      write(db.name, "INSERT INTO sync_history (id, started_at, status) VALUES (?, ?, 'running')", id, at)
    }
    start('live', 5)
    start('dead', 31)
    assert.equal((await engine.sync()).success, true)
    assert.equal(history.getById('live').status, 'running')
    assert.deepEqual([history.getById('dead').status, history.getById('dead').errorMessage], ['failed', 'interrupted'])
  })
})
