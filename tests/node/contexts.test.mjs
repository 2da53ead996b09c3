// What surrounds a call of the host: its async context, and its realm.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, isAbsolute, join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import vm from 'node:vm'

import { cleanEnvironment, folder, newPath, registry, ROOT } from './support/index.mjs'
import { RUNTIMES } from './support/runtimes.mjs'

const execute = promisify(execFile)

describe('AsyncLocalStorage is kept in every callback', () => {
  const script = `
    const { AsyncLocalStorage } = require('node:async_hooks')
    const { Database, SkillsmithApiClient, startBackgroundSync, SyncEngine } = require(${JSON.stringify(join(ROOT, 'npm'))})
    const [baseUrl, path] = process.argv.slice(-2)
    const als = new AsyncLocalStorage()
    const seen = {}
    const see = (where) => (seen[where] = [...new Set([...(seen[where] ?? []), als.getStore() ?? 'nothing'])])
    const own = new SkillsmithApiClient({ baseUrl })
    const host = {
      isOffline: () => (see('isOffline'), false),
      checkHealth: () => (see('checkHealth'), own.checkHealth()),
      search: (options) => (see('search'), own.search(options)),
    }
    const engine = (apiClient) => new SyncEngine({ db: new Database(':memory:'), apiClient })
    const asked = (store) => als.run(store, () => new SkillsmithApiClient({ baseUrl, token: () => (see('token'), 'a-token') }))
    const run = async () => {
      await als.run('a', () => engine(own).sync({ onProgress: () => void see('onProgress') }))
      await als.run('b', () => engine(host).sync())
      await als.run('c', () => own.search().then(() => see('after search')))
      await engine(asked('d')).sync()
      const alive = setInterval(() => {}, 1_000)
      await new Promise((resolve) => als.run('e', () => {
        const started = startBackgroundSync({ db: path, apiClient: own, onSyncComplete: () => (see('onSyncComplete'), void started.stop().then(resolve)) })
      }))
      clearInterval(alive)
      console.log(JSON.stringify(seen))
    }
    run()`

  for (const [driver, program] of Object.entries(RUNTIMES)) {
    test(`in the runtime of ${driver}`, { skip: program ? false : 'this platform has none' }, async () => {
      const server = await registry(20)
      const { stdout } = await execute(program, ['-e', script, server.baseUrl, newPath()], {
        env: cleanEnvironment(folder()),
        timeout: 60_000,
      })
      assert.deepEqual(JSON.parse(stdout), {
        onProgress: ['a'],
        isOffline: ['b'],
        checkHealth: ['b'],
        search: ['b'],
        'after search': ['c'],
        token: ['d'],
        onSyncComplete: ['e'],
      })
    })
  }
})

/** The package as test runners load it: its files run in a context of their own, the addon does not. */
function loadInContext() {
  const real = createRequire(import.meta.url)
  const globals = { process, console, setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, queueMicrotask, AbortController }
  const context = vm.createContext(globals)
  const modules = new Map()
  const load = (file) => {
    if (file.endsWith('.node')) return real(file)
    if (modules.has(file)) return modules.get(file).exports
    const module = { exports: {} }
    modules.set(file, module)
    const own = createRequire(file)
    const require = (id) => {
      const path = own.resolve(id)
      return isAbsolute(path) ? load(path) : own(id)
    }
    const source = readFileSync(file, 'utf8')
    const body = file.endsWith('.json') ? `module.exports = ${source}` : source
    const wrapped = vm.runInContext(`(function (exports, require, module, __filename, __dirname) {${body}\n})`, context, { filename: file })
    wrapped(module.exports, require, module, file, dirname(file))
    return module.exports
  }
  return load(real.resolve(join(ROOT, 'npm')))
}

describe('in a vm context', () => {
  const other = loadInContext()

  test('errors of the addon are SkillsmithSyncErrors of that context', async () => {
    for (const [call, code] of [
      [() => new other.Database('/proc/none'), 'PERMISSION_DENIED'],
      [() => new other.SkillsmithApiClient({ baseUrl: 'ftp://x' }), 'INVALID_ARGUMENT'],
      [() => new other.SyncConfigRepository(new other.Database(':memory:')).setFrequency('hourly'), 'INVALID_ARGUMENT'],
    ]) {
      assert.throws(call, (error) => {
        assert.ok(error instanceof other.SkillsmithSyncError, String(error))
        assert.equal(typeof error.retryable, 'boolean')
        return error.name === 'SkillsmithSyncError' && (code === error.code || error.code === 'IO_ERROR')
      })
    }
    const client = new other.SkillsmithApiClient({ baseUrl: 'http://127.0.0.1:1', maxRetries: 0 })
    await assert.rejects(client.search(), (error) => error instanceof other.SkillsmithSyncError && error.code === 'NETWORK_UNREACHABLE')
  })

  test('errors of the host, of another realm, keep their words', async () => {
    const apiClient = {
      isOffline: () => false,
      checkHealth: () => ({ status: 'healthy' }),
      search() {
        throw Object.assign(new Error('the cat sat on it'), { statusCode: 403 })
      },
    }
    const engine = new other.SyncEngine({ db: new other.Database(':memory:'), apiClient })
    const result = await engine.sync()
    assert.match(result.errors[0], /the cat sat on it/)
    const thrown = new Error('of another realm')
    const config = { getConfig: () => ({ enabled: true, lastSyncAt: null }), isSyncDue: () => true }
    const told = []
    const service = new other.BackgroundSyncService({ sync: () => Promise.reject(thrown) }, config, {
      onSyncError: (error) => told.push(error),
    })
    await assert.rejects(service.manualSync(), { message: 'of another realm' })
    assert.equal(told[0], thrown)
  })

  test('what is returned and told is of that context, to the innermost', async () => {
    const own = [other.FREQUENCY_INTERVALS, other.SkillsmithSyncError.prototype].map((value) => {
      let root = value
      while (Object.getPrototypeOf(root)) root = Object.getPrototypeOf(root)
      return root
    })
    assert.equal(own[0], own[1])
    const check = (value, where) => {
      if (typeof value !== 'object' || value === null) return
      let root = value
      while (Object.getPrototypeOf(root)) root = Object.getPrototypeOf(root)
      assert.equal(root, own[0], where)
      for (const [name, member] of Object.entries(value)) check(member, `${where}.${name}`)
    }
    const told = []
    const skill = { id: 'a/b', name: 'B', tags: ['t'] }
    const host = {
      isOffline: () => false,
      checkHealth: () => ({ status: 'healthy' }),
      search: (options) => (told.push(options), { data: options.offset === 0 ? [skill] : [] }),
    }
    const db = new other.Database(':memory:')
    const engine = new other.SyncEngine({ db, apiClient: host })
    const result = await engine.sync({ onProgress: (progress) => void told.push(progress) })
    assert.ok(result.success && told.length > 4, String(result.errors))
    const [config, history, skills] = [
      new other.SyncConfigRepository(db),
      new other.SyncHistoryRepository(db),
      new other.SkillRepository(db),
    ]
    check(
      {
        __proto__: own[0],
        result,
        status: engine.getStatus(),
        config: config.getConfig(),
        listed: history.getHistory(),
        last: history.getLastSuccessful(),
        stats: history.getStats(),
        skill: skills.findById('a/b'),
      },
      'all',
    )
    for (const [at, each] of told.entries()) check(each, `told ${at}`)
  })

  test('options of another realm are taken', async () => {
    const { success } = await new other.SyncEngine({
      db: ':memory:',
      apiClient: { baseUrl: 'http://127.0.0.1:1', offlineMode: true },
    }).sync()
    assert.equal(success, false)
    const skills = new other.SkillRepository(':memory:')
    assert.equal(skills.search('git', { limit: 1, category: 'x' }).matches.length, 0)
    assert.equal([...skills.iterate(Object.create(null))].length, 0)
    const wrong = (error) => error.name === 'TypeError' && /no option limt. Did you mean limit/.test(error.message)
    assert.throws(() => skills.list({ limt: 1 }), wrong)
    await other.startBackgroundSync({ db: newPath(), apiClient: { baseUrl: 'http://127.0.0.1:1', offlineMode: true } }).stop()
  })
})
