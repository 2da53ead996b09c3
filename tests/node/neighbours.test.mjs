// What other code in the process has done to the language's own objects, and who may hear a key.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { inChild } from './support/child.mjs'
import { BetterSqlite3, folder, newPath, ROOT, registry, sync } from './support/index.mjs'

const place = await registry(30)

/** A database of `tests/fixtures/hostile`, and what opening it says. */
function hostile(name) {
  const sql = readFileSync(join(ROOT, 'tests/fixtures/hostile', name), 'utf8')
  const path = newPath()
  new sync.Database(path).close()
  const db = new BetterSqlite3(path)
  db.unsafeMode(true)
  db.exec("INSERT INTO skills (id, name) VALUES ('s', 'one')")
  db.exec(sql)
  db.close()
  return { path, expected: sql.slice(3, sql.indexOf('\n')) }
}

describe('a hostile database', () => {
  // Each call in a process that is ended if one of them hangs.
  const body = `({ sync, args: [path] }) => {
    const db = new sync.Database(path)
    const skills = new sync.SkillRepository(db)
    const config = new sync.SyncConfigRepository(db)
    const history = new sync.SyncHistoryRepository(db)
    const calls = [
      () => skills.findById('s'), () => skills.exists('s'), () => skills.count(),
      () => config.getConfig(), () => config.isSyncDue(), () => config.getRequestBudget(), () => config.enable(),
      () => history.getHistory(9), () => history.getById('a'), () => history.getRunning(), () => history.isRunning(),
      () => history.getLastSuccessful(), () => history.getStats(), () => history.count(),
      () => history.completeRun(history.startRun(), { skillsAdded: 0, skillsUpdated: 0, skillsUnchanged: 0 }),
    ]
    return calls.map((call) => {
      try {
        call()
        return 'a value'
      } catch (error) {
        return error.code ?? String(error)
      }
    })
  }`
  const fine = ['a value', 'DATABASE_ERROR', 'DATABASE_DAMAGED', 'NOT_SKILLSMITH', 'RUN_NOT_FOUND']

  for (const name of readdirSync(join(ROOT, 'tests/fixtures/hostile'))) {
    test(`${name} is refused, or every call on it ends`, async () => {
      const { path, expected } = hostile(name)
      const { value, error } = await inChild(body, { args: [path] })
      if (expected === 'READ') {
        for (const [index, code] of value.entries()) assert.ok(fine.includes(code), `call ${index}: ${code}`)
      } else {
        assert.equal(error.name, 'SkillsmithSyncError')
        if (expected === 'NOT_SKILLSMITH') assert.equal(error.code, expected)
      }
    })
  }
})

test('a sync over triggers that do not end, ends with its signal', async () => {
  const { path } = hostile('endless_triggers.sql')
  const body = `async ({ sync, args: [path] }) => {
    const engine = new sync.SyncEngine({ db: new sync.Database(path), apiClient: new sync.SkillsmithApiClient() })
    const { success, code } = await engine.sync({ signal: AbortSignal.timeout(500) })
    return { success, code }
  }`
  const outcome = await inChild(body, { args: [path], env: place.variables })
  assert.deepEqual(outcome, { value: { success: false, code: 'CANCELLED' } })
})

test('a pipe in the place of the lock file is refused, and holds up no event loop', async () => {
  const path = newPath()
  new sync.Database(path).close()
  rmSync(`${path}-sync-lock`, { force: true })
  execFileSync('mkfifo', [`${path}-sync-lock`])
  const body = `async ({ sync, args: [path] }) => {
    const engine = new sync.SyncEngine({ db: new sync.Database(path), apiClient: new sync.SkillsmithApiClient() })
    const { success, errors } = await engine.sync()
    return { success, errors }
  }`
  const { value } = await inChild(body, { args: [path], env: place.variables })
  assert.equal(value.success, false)
  assert.match(value.errors[0], /-sync-lock/)
})

describe('a prototype that other code has changed', () => {
  test('gives a client no option', async () => {
    const body = `({ sync, args: [config] }) => {
      const options = { baseUrl: 'http://127.0.0.1:9/evil', apiKey: 'sk-of-others', jwtToken: 'jwt-of-others', offlineMode: true }
      Object.assign(Object.prototype, options)
      const seen = [undefined, config, {}, Object.create({})].map((given) => new sync.SkillsmithApiClient(given))
      for (const name of Object.keys(options)) delete Object.prototype[name]
      return seen.map((client) => [client.baseUrl, client.isOffline()])
    }`
    const { value } = await inChild(body, { args: [{ maxRetries: 0 }], env: place.variables })
    assert.deepEqual(value, Array(4).fill([place.baseUrl, false]))
  })

  test('makes no client of a registry of the host, and changes neither runs nor settings', async () => {
    const body = `async ({ sync, args: [path] }) => {
      const asked = []
      const registry = {
        isOffline: () => false,
        checkHealth: () => ({ status: 'healthy' }),
        search: (options) => (asked.push(options.offset), { data: [] }),
      }
      const options = { baseUrl: 'http://127.0.0.1:9/evil', dryRun: true, force: true, enabled: false, db: path + '-evil', apiClient: 5 }
      Object.assign(Object.prototype, options)
      try {
        const db = new sync.Database(path)
        const engine = new sync.SyncEngine({ db, apiClient: registry })
        const result = await engine.sync()
        const config = new sync.SyncConfigRepository(db).updateConfig({ frequency: 'weekly' })
        return { dryRun: result.dryRun, errors: result.errors, asked: asked.length > 0, enabled: config.enabled }
      } finally {
        for (const name of Object.keys(options)) delete Object.prototype[name]
      }
    }`
    const { value } = await inChild(body, { args: [join(folder(), 'skills.db')] })
    assert.deepEqual(value, { dryRun: false, errors: [], asked: true, enabled: true })
  })

  test('makes no database of an object', async () => {
    const body = `({ sync, args: [path] }) => {
      Object.assign(Object.prototype, { name: path, filename: path })
      try {
        return [{}, [], new Map()].map((db) => {
          try {
            return String(new sync.SyncConfigRepository(db))
          } catch (error) {
            return error.name
          }
        })
      } finally {
        for (const name of ['name', 'filename']) delete Object.prototype[name]
      }
    }`
    const path = join(folder(), 'polluted.db')
    const { value } = await inChild(body, { args: [path] })
    assert.deepEqual(value, Array(3).fill('TypeError'))
    assert.equal(existsSync(path), false)
  })
})

test('a signal of the host whose methods throw ends no process', async () => {
  const body = `async ({ sync, args: [path] }) => {
    const signal = {
      aborted: false,
      addEventListener: () => {},
      removeEventListener: () => { throw new Error('boom') },
    }
    const engine = new sync.SyncEngine({ db: new sync.Database(path), apiClient: new sync.SkillsmithApiClient() })
    return (await engine.sync({ signal })).success
  }`
  const outcome = await inChild(body, { args: [join(folder(), 'skills.db')], env: place.variables })
  assert.deepEqual(outcome, { value: true })
})

describe('a key over plain http', () => {
  const body = `({ sync, args: [config] }) => new sync.SkillsmithApiClient(config).baseUrl`
  const baseUrl = 'http://registry.test/v1'
  const secrets = { apiKey: 'sk-hunter-22', anonKey: 'anon-hunter-22', jwtToken: 'jwt-hunter-22' }

  for (const [name, secret] of Object.entries(secrets)) {
    test(`${name} goes to this machine only, unless the host allows it`, async () => {
      const { error } = await inChild(body, { args: [{ baseUrl, [name]: secret }] })
      assert.equal(error.code, 'INVALID_ARGUMENT')
      assert.match(error.message, /plain http to registry\.test/)
      assert.doesNotMatch(error.message, /hunter/)
      const config = { baseUrl, [name]: secret, allowInsecureHttp: true }
      assert.deepEqual(await inChild(body, { args: [config] }), { value: baseUrl })
      const env = { SKILLSMITH_ALLOW_INSECURE_HTTP: 'true' }
      assert.deepEqual(await inChild(body, { args: [{ baseUrl, [name]: secret }], env }), { value: baseUrl })
      const { error: refused } = await inChild(body, { args: [{ ...config, allowInsecureHttp: false }], env })
      assert.equal(refused.code, 'INVALID_ARGUMENT')
    })
  }

  test('is refused for a token provider, and allowed without a credential', async () => {
    const provider = `({ sync, args: [config] }) => new sync.SkillsmithApiClient({ ...config, token: () => 'jwt' }).baseUrl`
    const { error } = await inChild(provider, { args: [{ baseUrl }] })
    assert.match(error.message, /could read the token of the token provider/)
    assert.deepEqual(await inChild(body, { args: [{ baseUrl }] }), { value: baseUrl })
  })
})
