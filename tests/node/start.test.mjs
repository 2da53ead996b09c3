// startBackgroundSync in hosts where something is wrong around it: a server goes on, and is told.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { inChild } from './support/child.mjs'
import { fingerprint } from './support/database.mjs'
import { cleanEnvironment, folder, newPath, ROOT, registry, sync, until } from './support/index.mjs'

/** Starts it as a server does. Gives what the host is told, and what it has afterwards. */
const SERVER = `async ({ sync, args: [options] }) => {
  const told = []
  const started = sync.startBackgroundSync({ ...options, onSyncError: ({ name, code }) => told.push(code ?? name) })
  const told_at_once = told.length
  await new Promise((resolve) => setTimeout(resolve, 20))
  const { engine, configRepo, historyRepo, service, database } = started
  const thrown = (call) => { try { call(); return null } catch ({ code }) { return code } }
  const outcome = {
    told,
    started: service.isServiceStarted(),
    listeners: process.listenerCount('SIGTERM'),
    opened: database !== null,
    lastError: service.getState().lastError?.code ?? null,
  }
  if (!args[1]) return { ...outcome, told_at_once }
  return { ...outcome, told_at_once, calls: [() => engine.getStatus(), () => configRepo.getConfig(), () => historyRepo.count()].map(thrown) }
}`.replaceAll('args[1]', 'true')

describe('what is wrong around it', () => {
  const damaged = () => {
    const path = newPath()
    writeFileSync(path, 'this is not a database, and never was one '.repeat(100))
    return path
  }

  for (const [what, code, make] of [
    [
      'a home that cannot be written',
      'PERMISSION_DENIED',
      () => {
        const home = folder()
        chmodSync(home, 0o555)
        return { home, asNobody: true }
      },
    ],
    ['a home that is not there', /./, () => ({ home: '/proc/1/nothing' })],
    ['a file that is not a database', 'NOT_A_DATABASE', () => ({ env: { SKILLSMITH_DB_PATH: damaged() } })],
    ['a damaged database as an option', 'NOT_A_DATABASE', () => ({ args: [{ db: damaged() }] })],
    ['a database of the host that does not exist', 'INVALID_ARGUMENT', () => ({ args: [{ db: { name: newPath() } }] })],
    ['a variable that is neither true nor false', 'INVALID_ARGUMENT', () => ({ env: { SKILLSMITH_BACKGROUND_SYNC: 'flase' } })],
    ['another one', 'INVALID_ARGUMENT', () => ({ env: { SKILLSMITH_OFFLINE_MODE: 'ture' } })],
  ]) {
    test(`${what} is told, and the server goes on`, async () => {
      const options = make()
      const { value, error } = await inChild(SERVER, { home: folder(), ...options, args: options.args ?? [{}] })
      assert.equal(error, undefined)
      const { told, calls, ...rest } = value
      assert.equal(told.length, 1)
      assert.match(told[0], code instanceof RegExp ? code : new RegExp(`^${code}$`))
      assert.deepEqual(rest, { started: false, listeners: 0, opened: rest.opened, lastError: told[0], told_at_once: 0 })
      // Where only a word was wrong, the rest can be used.
      if (options.env?.SKILLSMITH_DB_PATH || options.args) assert.deepEqual(calls, [told[0], told[0], told[0]])
    })
  }

  test('an address that cannot be used', async () => {
    const body = `async ({ sync }) => {
      const told = []
      const { engine, service, configRepo } = sync.startBackgroundSync({ onSyncError: ({ code }) => told.push(code) })
      await new Promise((resolve) => setTimeout(resolve, 20))
      const { success, code } = await engine.sync()
      return { told, started: service.isServiceStarted(), success, code, stored: configRepo.getConfig().lastSyncError !== null }
    }`
    const env = { SKILLSMITH_API_URL: 'localhost:3000' }
    assert.deepEqual(await inChild(body, { home: folder(), env }), {
      value: { told: ['INVALID_ARGUMENT'], started: false, success: false, code: 'INVALID_ARGUMENT', stored: true },
    })
  })

  test('an address in the settings of a client, told after the caller has what was returned', async () => {
    for (const settings of [
      { baseUrl: 'nonsense' },
      { baseUrl: 'ftp://127.0.0.1' },
      { baseUrl: 'http://registry.test', apiKey: 'k'.repeat(40) },
    ]) {
      const told = []
      const started = sync.startBackgroundSync({
        db: newPath(),
        apiClient: settings,
        onSyncError: (error) => told.push([error, started.service]),
      })
      assert.deepEqual([told, started.service.isServiceStarted()], [[], false], settings.baseUrl)
      await new Promise(setImmediate)
      assert.equal(told.length, 1)
      assert.equal(told[0][0].code, 'INVALID_ARGUMENT')
      await started.stop()
    }
  })

  test('what a service finds wrong in its first check is told after start has returned', async () => {
    const db = new sync.Database(newPath())
    const settings = { baseUrl: 'http://127.0.0.1:1' }
    const engine = new sync.SyncEngine({ db, apiClient: settings })
    const told = []
    const service = new sync.BackgroundSyncService(engine, new sync.SyncConfigRepository(db), {
      onSyncError: ({ code }) => told.push(code),
    })
    settings.baseUrl = 'nonsense'
    service.start()
    assert.deepEqual([told, service.getState().lastError?.code], [[], 'INVALID_ARGUMENT'])
    await new Promise(setImmediate)
    assert.deepEqual(told, ['INVALID_ARGUMENT'])
    await service.stop()
    db.close()
  })

  test('a signal that takes no listener', async () => {
    const told = []
    const signal = {
      aborted: false,
      addEventListener() {
        throw new Error('not today')
      },
      removeEventListener() {},
    }
    const apiClient = { isOffline: () => true, checkHealth() {}, search() {} }
    const started = sync.startBackgroundSync({ db: newPath(), apiClient, signal, onSyncError: ({ message }) => told.push(message) })
    await new Promise(setImmediate)
    assert.deepEqual([told, started.service.isServiceStarted()], [['not today'], false])
    await started.stop()
  })

  test('is one line on stderr where nobody takes it', async () => {
    const body = `({ sync }) => {
      sync.startBackgroundSync()
      return new Promise((resolve) => setTimeout(resolve, 10, 'lives'))
    }`
    const outcome = inChild(body, { home: folder(), env: { SKILLSMITH_DB_PATH: damaged() } })
    await assert.rejects(outcome, { message: /^the child complains: \[skillsmith-sync\] [^\n]+\n$/ })
  })

  test('leaves a file that is not a database as it was', async () => {
    const path = damaged()
    const before = fingerprint(path)
    await inChild(SERVER, { home: folder(), args: [{ db: path }] })
    assert.deepEqual(fingerprint(path), before)
  })
})

describe('switched off', () => {
  for (const env of [{ SKILLSMITH_BACKGROUND_SYNC: 'false' }, { SKILLSMITH_OFFLINE_MODE: 'true' }]) {
    test(`${Object.keys(env)}: nothing is opened, made or told before it is used`, async () => {
      const home = folder()
      const body = `async ({ sync, args: [path] }) => {
        const told = []
        const { service, database, configRepo, stop } = sync.startBackgroundSync({ onSyncError: (error) => told.push(error.message) })
        const before = require('node:fs').existsSync(path)
        await new Promise((resolve) => setTimeout(resolve, 20))
        const started = service.isServiceStarted()
        const { enabled } = configRepo.getConfig()
        await stop()
        return { told, started, database, before, enabled, after: require('node:fs').existsSync(path) }
      }`
      const path = join(home, '.skillsmith/skills.db')
      const outcome = await inChild(body, { home, args: [path], env: { ...env, SKILLSMITH_API_URL: 'localhost:3000' } })
      assert.deepEqual(outcome, { value: { told: [], started: false, database: null, before: false, enabled: true, after: true } })
    })

    test(`${Object.keys(env)}: a home that cannot be written is nobody's business`, async () => {
      const { value } = await inChild(SERVER, { home: '/proc/1/nothing', env, args: [{}] })
      assert.deepEqual([value.told, value.started, value.opened], [[], false, false])
    })
  }
})

test('the database that it opened is in what it returns, and closed by stop alone', async () => {
  const apiClient = { isOffline: () => false, checkHealth: () => ({ status: 'healthy' }), search: () => ({ data: [] }) }
  const path = newPath()
  const started = sync.startBackgroundSync({ db: path, apiClient })
  assert.deepEqual([started.database.name, started.database.open], [path, true])
  await started.service.stop()
  assert.equal(started.database.open, true)
  await started.stop()
  assert.equal(started.database.open, false)
  await started.stop()
  // What the host has opened stays open.
  const db = new sync.Database(path)
  const other = sync.startBackgroundSync({ db, apiClient })
  assert.equal(other.database, null)
  await other.stop()
  assert.equal(db.open, true)
  db.close()
})

test('a signal stops it, and one that is aborted does not let it start', async () => {
  const server = await registry(30)
  const abort = new AbortController()
  const options = { db: newPath(), apiClient: server.client(), signal: abort.signal }
  const { service, database } = sync.startBackgroundSync(options)
  assert.equal(service.isServiceStarted(), true)
  abort.abort()
  assert.equal(service.isServiceStarted(), false)
  await until(() => !database.open)
  const late = sync.startBackgroundSync({ ...options, db: newPath() })
  assert.deepEqual([late.service.isServiceStarted(), late.database], [false, null])
})

test('only options of a wrong type, out of range or with an unknown name are thrown', () => {
  const home = folder()
  Object.assign(process.env, { HOME: home })
  for (const [options, name] of [
    [{ db: 5 }, 'TypeError'],
    [{ apiClient: {} }, 'TypeError'],
    [{ signal: {} }, 'TypeError'],
    [{ onSyncError: 'x' }, 'TypeError'],
    [{ checkIntervalMs: -1 }, 'RangeError'],
    [{ checkInterval: 5 }, 'TypeError'],
  ]) {
    assert.throws(() => sync.startBackgroundSync(options), { name, code: 'INVALID_ARGUMENT' })
  }
  assert.deepEqual(readdirSync(home), [])
})

test('a global object that takes no members keeps nothing from being loaded and started', async () => {
  const program = `Object.preventExtensions(globalThis)
    const sync = require(${JSON.stringify(join(ROOT, 'npm'))})
    const apiClient = { isOffline: () => true, checkHealth() {}, search() {} }
    const { service, stop } = sync.startBackgroundSync({ db: ${JSON.stringify(newPath())}, apiClient })
    console.log(service.isServiceStarted())
    stop()`
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', program], { env: cleanEnvironment(folder()), encoding: 'utf8' })
  assert.deepEqual([stdout, stderr], ['true\n', ''])
})

test('a process that may load no addons is told so', () => {
  const args = ['--no-addons', '-e', `require(${JSON.stringify(join(ROOT, 'npm'))})`]
  const { status, stderr } = spawnSync(process.execPath, args, { env: cleanEnvironment(folder()), encoding: 'utf8' })
  assert.equal(status, 1)
  assert.match(stderr, /ADDON_NOT_FOUND/)
  assert.match(stderr, /start it without --no-addons, and with --allow-addons beside --permission\.\n/)
  assert.doesNotMatch(stderr, /Reinstall/)
})
