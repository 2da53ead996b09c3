// Hosts that are not what one expects: environments, signals, addresses and callbacks of other kinds.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'

import FakeTimers from '@sinonjs/fake-timers'

import { inChild } from './support/child.mjs'
import { wrongType } from './support/errors.mjs'
import { cleanEnvironment, newPath, registry, ROOT, sync } from './support/index.mjs'

const { BackgroundSyncService, Database, SkillRepository, SkillsmithApiClient, SyncConfigRepository, SyncEngine, SyncHistoryRepository } =
  sync
const offline = () => new SkillsmithApiClient({ baseUrl: 'http://127.0.0.1:1', offlineMode: true })

describe('an environment with values that are not texts', () => {
  test('can be used, and numbers and booleans in it count as texts', async () => {
    const body = `({ sync }) => {
      process.env = { ...process.env, PORT: 3000, NOTHING: undefined, OBJECT: {}, SKILLSMITH_OFFLINE_MODE: true }
      return [new sync.Database(':memory:').name, new sync.SkillsmithApiClient().isOffline()]
    }`
    assert.deepEqual(await inChild(body), { value: [':memory:', true] })
  })
})

describe('values of variables that are objects', () => {
  test('are the texts that process.env would have', async () => {
    const path = newPath()
    const body = `async ({ sync }) => {
      const { URL } = require('node:url')
      process.env = {
        ...process.env,
        SKILLSMITH_API_URL: new URL('http://127.0.0.1:9/v1'),
        SKILLSMITH_DB_PATH: Buffer.from(${JSON.stringify(path)}),
        BROKEN: Object.create(null),
      }
      const running = sync.startBackgroundSync({ onSyncError() {} })
      const place = running.database.name
      await running.stop()
      process.env = { ...process.env, SKILLSMITH_BACKGROUND_SYNC: new String('false') }
      const { service } = sync.startBackgroundSync()
      return [require('node:util').inspect(new sync.SkillsmithApiClient()), place, service.isServiceStarted()]
    }`
    const told = ["SkillsmithApiClient { baseUrl: 'http://127.0.0.1:9/v1' }", path, false]
    assert.deepEqual(await inChild(body), { value: told })
  })
})

describe('an environment of a test runner that has no setImmediate', () => {
  test('loads the package, syncs and tells', () => {
    const program = `
      delete globalThis.setImmediate
      delete globalThis.clearImmediate
      const { Database, SyncEngine } = require(${JSON.stringify(join(ROOT, 'npm'))})
      const apiClient = {
        isOffline: () => false,
        checkHealth: async () => ({ status: 'healthy' }),
        search: async ({ offset }) => ({ data: offset ? [] : [{ id: 'a/b', name: 'b' }], meta: { total: 1 } }),
      }
      const phases = new Set()
      new SyncEngine({ db: new Database(':memory:'), apiClient })
        .sync({ onProgress: ({ phase }) => phases.add(phase) })
        .then(({ success }) => console.log(success, phases.has('complete')))`
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', program], { env: cleanEnvironment(ROOT), encoding: 'utf8' })
    assert.deepEqual([stdout, stderr], ['true true\n', ''])
  })
})

describe('a stderr that cannot be had', () => {
  test('takes no line, and no host down', () => {
    const program = `
      const { startBackgroundSync } = require(${JSON.stringify(join(ROOT, 'npm'))})
      Object.defineProperty(process, 'stderr', { get() { throw new Error('gone') } })
      process.env.SKILLSMITH_API_URL = 'no address'
      const { service } = startBackgroundSync({ db: ':memory:' })
      setTimeout(() => process.stdout.write(\`alive \${service.isServiceStarted()}\\n\`), 100)`
    const { status, stdout } = spawnSync(process.execPath, ['-e', program], { env: cleanEnvironment(ROOT), encoding: 'utf8' })
    assert.deepEqual([status, stdout], [0, 'alive false\n'])
  })
})

describe('a hostile signal', () => {
  for (const [what, signal] of [
    [
      'whose removeEventListener throws',
      {
        aborted: false,
        addEventListener() {},
        removeEventListener() {
          throw new Error('from the signal')
        },
      },
    ],
    [
      'that calls its listeners at once',
      {
        aborted: false,
        addEventListener: (_, listener) => listener(),
        removeEventListener() {},
      },
    ],
  ]) {
    test(`${what} does not keep the promise from settling`, async () => {
      const engine = new SyncEngine({ db: new Database(':memory:'), apiClient: offline() })
      assert.equal((await engine.sync({ signal })).success, false)
    })
  }

  test('that is not one but looks like one is refused, everywhere', async () => {
    const methods = { addEventListener() {}, removeEventListener() {} }
    const odd = Object.defineProperty(methods, 'aborted', {
      get() {
        throw new TypeError('Illegal invocation')
      },
    })
    const refused = { name: 'TypeError', message: /signal must be an AbortSignal/ }
    const engine = new SyncEngine({ db: new Database(':memory:'), apiClient: offline() })
    const client = new sync.SkillsmithApiClient({ baseUrl: 'http://127.0.0.1:1' })
    await assert.rejects(engine.sync({ signal: odd }), refused)
    await assert.rejects(client.search({ signal: odd }), refused)
    await assert.rejects(client.checkHealth({ signal: odd }), refused)
    assert.throws(() => sync.startBackgroundSync({ db: newPath(), apiClient: offline(), signal: odd }), refused)
    // Of the members of these, some throw in some versions of Node.
    const { signal } = new AbortController()
    for (const other of [new Proxy(signal, {}), Object.create(signal)]) {
      const settled = await engine.sync({ signal: other }).catch((error) => error)
      assert.ok(settled.code === 'OFFLINE' || settled instanceof TypeError, inspect(settled))
    }
  })

  test('whose members begin to throw leaves the process alone', async () => {
    let abort
    const signal = {
      isOdd: false,
      get aborted() {
        if (this.isOdd) throw new Error('no')
        return false
      },
      get reason() {
        throw new Error('no')
      },
      addEventListener: (_, listener) => {
        abort = listener
      },
      removeEventListener() {},
    }
    const search = () => {
      signal.isOdd = true
      abort()
      return new Promise(() => {})
    }
    const apiClient = { isOffline: () => false, checkHealth: () => ({ status: 'healthy' }), search }
    const result = await new SyncEngine({ db: new Database(':memory:'), apiClient }).sync({ signal })
    assert.deepEqual([result.success, result.code, result.cause], [false, 'CANCELLED', undefined])
  })

  test('whose addEventListener throws is an error of the call', async () => {
    const signal = {
      aborted: false,
      addEventListener() {
        throw new Error('not today')
      },
      removeEventListener() {},
    }
    const engine = new SyncEngine({ db: new Database(':memory:'), apiClient: offline() })
    await assert.rejects(engine.sync({ signal }), { message: 'not today' })
  })
})

describe('URL objects', () => {
  test('name a database', async () => {
    const path = newPath()
    const url = pathToFileURL(path)
    assert.equal(new Database(url).name, path)
    new SyncConfigRepository(url).disable()
    assert.equal(new SyncConfigRepository(path).getConfig().enabled, false)
    new SyncEngine({ db: url, apiClient: offline() }).close()
    const started = sync.startBackgroundSync({ db: url, apiClient: offline() })
    assert.equal(started.database.name, path)
    await started.stop()
    assert.throws(() => new Database(new URL('https://example.org/skills.db')), wrongType('path', /a string or a URL of a file/))
  })

  test('name a registry', async () => {
    const server = await registry(5)
    assert.equal((await new SkillsmithApiClient({ baseUrl: new URL(server.baseUrl) }).search()).data.length, 5)
  })
})

describe('a Proxy around an object of ours', () => {
  test('can do what the object can', async () => {
    const db = new Database(newPath())
    const proxied = (object) => new Proxy(object, {})
    const config = proxied(new SyncConfigRepository(proxied(db)))
    const engine = proxied(
      new SyncEngine(proxied(offline()), proxied(new SkillRepository(db)), config, proxied(new SyncHistoryRepository(db))),
    )
    const service = proxied(new BackgroundSyncService(engine, config))
    service.start()
    assert.equal(service.isServiceStarted(), true)
    await service.stop()
    assert.equal((await engine.sync()).code, 'OFFLINE')
    assert.equal(proxied(db).open, true)
    assert.equal(proxied(offline()).baseUrl, 'http://127.0.0.1:1')
  })
})

test('inspect shows the path and the state, and no credential', () => {
  const db = new Database(newPath())
  const client = new SkillsmithApiClient({ baseUrl: 'http://127.0.0.1:1', apiKey: 'sk-hunter2', offlineMode: true })
  const engine = new SyncEngine({ db, apiClient: client })
  const config = new SyncConfigRepository(db)
  assert.equal(inspect(db), `Database { '${db.name}' }`)
  assert.equal(inspect(config), `SyncConfigRepository { '${db.name}' }`)
  assert.equal(inspect(engine), `SyncEngine { '${db.name}' }`)
  assert.equal(inspect(client), "SkillsmithApiClient { baseUrl: 'http://127.0.0.1:1', offline }")
  assert.equal(inspect(new BackgroundSyncService(engine, config)), 'BackgroundSyncService { stopped }')
  db.close()
  assert.equal(inspect(db), `Database { '${db.name}', closed }`)
})

test('a slow onProgress gets the newest of each phase, and the run ends with it', async () => {
  const server = await registry(3_000)
  const origin = new URL(server.baseUrl).origin
  const script = `
    const poll = async () => {
      for (;;) {
        const requests = await (await fetch('${origin}/_control/requests')).json()
        const before = requests.length
        await new Promise((resolve) => setTimeout(resolve, 500))
        if (before > 20 && (await (await fetch('${origin}/_control/requests')).json()).length === before) return
      }
    }
    poll()`
  const told = []
  let hasWaited = false
  const onProgress = ({ phase }) => {
    told.push(phase)
    if (phase !== 'fetching' || hasWaited) return
    hasWaited = true
    // The event loop stands still until the run has read everything.
    spawnSync(process.execPath, ['-e', script], { timeout: 20_000 })
  }
  const engine = new SyncEngine({ db: new Database(newPath()), apiClient: server.client() })
  const result = await engine.sync({ onProgress, pageSize: 50 })
  assert.equal(result.skillsAdded, 3_000)
  assert.deepEqual([...new Set(told)], ['connecting', 'fetching', 'comparing', 'upserting', 'complete'])
  assert.ok(told.length < 15, `${told.length} calls: ${told.join()}`)
})

describe('NODE_DEBUG=skillsmith', () => {
  const run = (source) =>
    spawnSync(process.execPath, ['-e', `const sync = require(${JSON.stringify(join(ROOT, 'npm'))}); ${source}`], {
      env: cleanEnvironment('/nonexistent', { NODE_DEBUG: 'skillsmith' }),
      encoding: 'utf8',
    })

  test('tells the options that the classes of the stack ignore, not their values', () => {
    const { stderr, status } = run(`
      const db = new sync.Database(':memory:', { readOnly: false })
      const apiClient = new sync.SkillsmithApiClient({ baseURL: 'http://secret', offlineMode: true })
      const engine = new sync.SyncEngine({ db, apiClient })
      engine.sync({ dryrun: true, pageSize: 10 })
      new sync.BackgroundSyncService(engine, new sync.SyncConfigRepository(db), { onSyncErrors() {} })`)
    assert.equal(status, 0)
    for (const line of [
      'new Database ignores the option "readOnly". Did you mean readonly?',
      'new SkillsmithApiClient ignores the option "baseURL". Did you mean baseUrl?',
      'sync ignores the option "dryrun". Did you mean dryRun?',
      'new BackgroundSyncService ignores the option "onSyncErrors". Did you mean onSyncError?',
    ]) {
      assert.ok(stderr.includes(line), `${line}\n${stderr}`)
    }
    assert.equal(stderr.match(/ignores the option/g).length, 4)
    assert.doesNotMatch(stderr, /secret/)
  })
})

describe('a fake clock', () => {
  test('of 25 hours gives the sync at the start and the one of the next day', async () => {
    const place = await registry(10)
    const db = new Database(newPath())
    const clock = FakeTimers.install({ toFake: ['Date', 'setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] })
    let synced = 0
    const service = new BackgroundSyncService(new SyncEngine({ db, apiClient: place.client() }), new SyncConfigRepository(db), {
      onSyncComplete: () => void synced++,
      onSyncError: (error) => assert.fail(error),
    })
    try {
      service.start()
      await settled(service)
      assert.equal(synced, 1)
      for (let hour = 0; hour < 25; hour++) {
        clock.tick(3_600_000)
        await settled(service)
      }
      assert.equal(synced, 2)
      assert.equal(service.getState().syncsTriggered, 2)
      const [last, first] = new SyncHistoryRepository(db).getHistory()
      const hours = (Date.parse(last.startedAt) - Date.parse(first.startedAt)) / 3_600_000
      assert.ok(hours > 21 && hours <= 25, `${hours} hours between both`)
      assert.ok(last.durationMs < 60_000, 'no time of a run passes by it')
    } finally {
      await service.stop()
      clock.uninstall()
    }
  })

  test('that stands still is the time of repositories', () => {
    const history = new SyncHistoryRepository(new Database(':memory:'))
    const clock = FakeTimers.install({ now: Date.UTC(2031, 0, 2), toFake: ['Date'] })
    try {
      const run = history.startRun()
      assert.match(run, /^sync-20310102000000-/)
      assert.equal(history.getById(run).startedAt.slice(0, 18), '2031-01-02T00:00:0')
    } finally {
      clock.uninstall()
    }
    assert.doesNotMatch(history.startRun(), /^sync-2031/)
  })
})

/** Waits on the real clock, which a fake one has replaced. */
async function settled(service) {
  const { setImmediate: turn } = await import('node:timers/promises')
  do await turn()
  while (service.isSyncRunning())
}

test('a module that is loaded anew without a stop goes on, and leaves one listener for each signal', async () => {
  const body = `async ({ args: [path, root] }) => {
    const warnings = []
    process.on('warning', ({ name }) => warnings.push(name))
    for (let n = 0; n < 12; n++) {
      for (const file of Object.keys(require.cache)) if (file.startsWith(root) && !file.endsWith('.node')) delete require.cache[file]
      const sync = require(root)
      const apiClient = { isOffline: () => false, checkHealth: () => ({ status: 'healthy' }), search: () => ({ data: [] }) }
      const { service } = sync.startBackgroundSync({ db: path, apiClient, onSyncError() {} })
      if (!service.isServiceStarted()) throw new Error('not started')
    }
    await new Promise((resolve) => setTimeout(resolve, 300))
    return [process.listenerCount('SIGTERM'), process.listenerCount('SIGINT'), warnings]
  }`
  const { value, error } = await inChild(body, { args: [newPath(), join(ROOT, 'npm')] })
  assert.equal(error, undefined)
  assert.deepEqual(value, [1, 1, []])
})

describe('a function with the methods', () => {
  const data = [{ id: 'a/b', name: 'B' }]

  test('is a registry: a class with static methods, a function with members', async () => {
    class Registry {
      static isOffline() {
        return false
      }
      static checkHealth() {
        return { status: 'healthy' }
      }
      static search({ offset }) {
        return { data: offset === 0 ? data : [] }
      }
    }
    const { isOffline, checkHealth, search } = Registry
    for (const apiClient of [Registry, Object.assign(() => {}, { isOffline, checkHealth, search })]) {
      const db = new Database(':memory:')
      const [skills, config, history] = [new SkillRepository(db), new SyncConfigRepository(db), new SyncHistoryRepository(db)]
      for (const engine of [new SyncEngine({ db, apiClient }), new SyncEngine(apiClient, skills, config, history)]) {
        const { success, errors, totalProcessed } = await engine.sync({ force: true })
        assert.deepEqual([success, errors, totalProcessed], [true, [], 1])
      }
      const started = sync.startBackgroundSync({ db: newPath(), apiClient, checkIntervalMs: 1_000 })
      assert.equal(started.service.isServiceStarted(), true)
      await started.stop()
    }
  })

  test('is an engine and a schedule of a service', async () => {
    const result = {
      success: true,
      skillsAdded: 0,
      skillsUpdated: 0,
      skillsUnchanged: 1,
      totalProcessed: 1,
      errors: [],
      durationMs: 1,
      dryRun: false,
    }
    class Engine {
      static sync() {
        return result
      }
    }
    const schedule = Object.assign(() => {}, { getConfig: () => ({ enabled: true, lastSyncAt: null }), isSyncDue: () => true })
    const service = new BackgroundSyncService(Engine, schedule)
    const { success, skillsUnchanged } = await service.manualSync()
    assert.deepEqual([success, skillsUnchanged], [true, 1])
  })

  test('that lacks one is refused in the same words as an object', () => {
    const apiClient = Object.assign(() => {}, { isOffline() {}, checkHealth() {} })
    const expected = wrongType('apiClient', /an object with isOffline, checkHealth and search or syncRegistry, not a function\.$/)
    assert.throws(() => new SyncEngine({ db: ':memory:', apiClient }), expected)
  })
})
