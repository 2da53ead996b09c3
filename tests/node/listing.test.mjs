// The sync endpoint, counts of requests and their budgets, as hosts in JavaScript use them.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { inChild } from './support/child.mjs'
import { outOfRange, syncError, wrongType } from './support/errors.mjs'
import { folder, newPath, registry, sync } from './support/index.mjs'

const { BackgroundSyncService, Database, SkillRepository, SyncConfigRepository, SyncEngine } = sync

/** A database and what is asked of it. */
function place(apiClient) {
  const db = new Database(newPath())
  return { engine: new SyncEngine({ db, apiClient }), config: new SyncConfigRepository(db), skills: new SkillRepository(db) }
}

/** Syncs. The result must tell as many requests as the server has seen; gives their paths, too. */
async function counted(server, engine, options) {
  const before = (await server.get('requests')).length
  const result = await engine.sync(options)
  const paths = (await server.get('requests')).slice(before).map(({ path }) => path.split('/').at(-1))
  assert.equal(result.requests, paths.length, JSON.stringify(result))
  return { result, paths, requests: paths.length }
}

/** A registry in memory, which notes the calls of it. With `syncRegistry` it has a sync endpoint. */
function hostRegistry(count, withSync) {
  const rows = Array.from({ length: count }, (_, number) => ({
    id: `host/${String(number).padStart(5, '0')}`,
    name: `Skill ${number}`,
    trust_tier: 'community',
    updated_at: '2026-01-01T00:00:00Z',
  }))
  const calls = []
  const host = {
    rows,
    calls,
    isOffline: () => false,
    checkHealth: () => {
      calls.push(['checkHealth'])
      return { status: 'healthy' }
    },
    search: async ({ limit, offset }) => {
      calls.push(['search'])
      return { data: rows.slice(offset, offset + limit), meta: { total: rows.length, limit, offset } }
    },
  }
  if (withSync) {
    host.syncRegistry = async function ({ limit, offset, since }) {
      assert.equal(this, host)
      calls.push(['syncRegistry', since])
      const wanted = rows.filter((row) => !since || Date.parse(row.updated_at) > Date.parse(since))
      return { data: wanted.slice(offset, offset + limit), meta: { limit, offset } }
    }
  }
  return host
}

const names = (host) => [...new Set(host.calls.map(([name]) => name))]

describe('a registry of the host without search', () => {
  test('is listed by its sync endpoint', async () => {
    const { engine, skills } = place(onlySync(250))
    const result = await engine.sync()
    assert.deepEqual([result.success, result.coverage, skills.count()], [true, 'complete', 250])
  })

  test('has nothing to fall back to', async () => {
    const host = onlySync(3)
    host.syncRegistry = () => {
      throw Object.assign(new Error('not here'), { statusCode: 404 })
    }
    const { engine } = place(host)
    const result = await engine.sync()
    assert.equal(result.success, false)
    assert.match(result.errors[0], /the registry of the host has no search/)
  })
})

describe('a registry of the host that throws an HTTP status', () => {
  for (const statusCode of [404, 405, 410, 501]) {
    test(`${statusCode}: it has no sync endpoint, and is searched`, async () => {
      const host = hostRegistry(250, true)
      let asked = 0
      host.syncRegistry = () => {
        asked++
        throw Object.assign(new Error('not here'), { statusCode })
      }
      const { engine, skills } = place(host)
      const result = await engine.sync()
      assert.deepEqual([result.success, result.coverage, skills.count(), asked], [true, 'complete', 250, 1], result.errors[0])
    })
  }

  for (const [statusCode, code] of Object.entries({
    401: 'UNAUTHORIZED',
    403: 'FORBIDDEN',
    408: 'SERVER_ERROR',
    422: 'REQUEST_REFUSED',
    429: 'RATE_LIMITED',
    500: 'SERVER_ERROR',
    503: 'SERVER_ERROR',
  })) {
    test(`${statusCode} is ${code}, as over HTTP`, async () => {
      const host = hostRegistry(10)
      host.search = () => {
        throw Object.assign(new Error('its reason'), { statusCode: Number(statusCode) })
      }
      const { engine, config } = place(host)
      const told = []
      const service = new sync.BackgroundSyncService(engine, config, { onSyncError: (error) => told.push(error.code) })
      const { success } = await service.manualSync()
      assert.deepEqual([success, told], [false, [code]])
    })
  }

  test('of a plan that may not list it is PLAN_REQUIRED', async () => {
    for (const about of [
      { code: 'tier_not_entitled' },
      { details: { code: 'tier_not_entitled' } },
      { details: null, message: '{"code":"tier_not_entitled"}' },
    ]) {
      const host = hostRegistry(10, true)
      host.syncRegistry = () => {
        throw Object.assign(new Error('no'), { statusCode: 403 }, about)
      }
      const { engine } = place(host)
      const result = await engine.sync()
      assert.match(result.errors[0], /reserves this listing for other plans/)
      assert.equal(host.calls.filter(([name]) => name === 'search').length, 0)
    }
  })
})

/** A registry in memory that has no `search`. */
function onlySync(count) {
  const host = hostRegistry(count, true)
  delete host.search
  return host
}

describe('a registry with a sync endpoint', () => {
  test('takes few requests at first, and two when nothing has changed', async () => {
    const server = await registry(250, { sync_endpoint: {} })
    const { engine, skills } = place(server.client())
    const first = await counted(server, engine)
    assert.deepEqual([first.result.success, first.result.skillsAdded, first.result.coverage], [true, 250, 'complete'])
    assert.ok(first.requests <= Math.floor(250 / 99) + 3, String(first.requests))
    assert.equal(skills.count(), 250)
    const second = await counted(server, engine)
    assert.deepEqual([second.result.success, second.result.totalProcessed, second.requests], [true, 0, 2])
    const { requestsThisMonth, requestBudget, pausedUntil } = engine.getStatus()
    assert.deepEqual([requestsThisMonth, requestBudget, pausedUntil], [first.requests + 2, null, null])
  })

  test('is listed whole by every run where fullListingEveryMs is 0', async () => {
    const server = await registry(250, { sync_endpoint: {} })
    const { engine } = place(server.client())
    await engine.sync()
    assert.equal((await counted(server, engine, { fullListingEveryMs: 0 })).result.totalProcessed, 250)
    assert.equal((await counted(server, engine, { fullListingEveryMs: Number.MAX_SAFE_INTEGER })).result.totalProcessed, 0)
  })

  test('is asked for its search only where the listing says so', async () => {
    const server = await registry(120, { sync_endpoint: {} })
    const { engine } = place(server.client())
    const searched = await counted(server, engine, { listing: 'search' })
    assert.deepEqual([searched.result.success, searched.result.skillsAdded], [true, 120])
    assert.ok(!searched.paths.some((path) => path.includes('sync')), searched.paths.join())
    const listed = await counted(server, engine, { listing: 'auto' })
    assert.ok(
      listed.paths.some((path) => path.includes('sync')),
      listed.paths.join(),
    )
  })
})

describe('SKILLSMITH_LISTING', () => {
  const body = async ({ sync, args: [baseUrl, path, listing] }) => {
    const apiClient = new sync.SkillsmithApiClient({ baseUrl })
    const result = await new sync.SyncEngine({ db: path, apiClient }).sync({ listing })
    return [result.success, result.skillsAdded]
  }
  const run = async (env, listing) => {
    const server = await registry(5, { sync_endpoint: {} })
    const outcome = await inChild(body, { args: [server.baseUrl, newPath(), listing], home: folder(), env })
    const paths = (await server.get('requests')).map(({ path }) => path.split('/').at(-1))
    return { ...outcome, requests: paths.length, usesSync: paths.some((path) => path.includes('sync')) }
  }

  test('is the default of the listing', async () => {
    const { value, usesSync } = await run({ SKILLSMITH_LISTING: 'search' })
    assert.deepEqual([value, usesSync], [[true, 5], false])
    for (const env of [{}, { SKILLSMITH_LISTING: 'auto' }, { SKILLSMITH_LISTING: '' }]) {
      assert.equal((await run(env)).usesSync, true, JSON.stringify(env))
    }
    assert.equal((await run({ SKILLSMITH_LISTING: 'search' }, 'auto')).usesSync, true, 'the option comes first')
  })

  test('with another word is an error that names it, and nothing is sent', async () => {
    const { error, requests } = await run({ SKILLSMITH_LISTING: 'all' })
    assert.deepEqual([error.name, error.code, requests], ['SkillsmithSyncError', 'INVALID_ARGUMENT', 0])
    assert.match(error.message, /SKILLSMITH_LISTING.*'all'/)
  })
})

describe('a budget of requests', () => {
  test('of a run ends it as partial, and the next goes on from there', async () => {
    const server = await registry(450, { sync_endpoint: {} })
    const { engine, skills } = place(server.client())
    const first = await counted(server, engine, { requestBudget: 3 })
    assert.deepEqual([first.requests, first.result.errors], [3, []])
    assert.match(first.result.warnings.join(), /budget/)
    const kept = skills.count()
    assert.ok(kept > 0 && kept < 450, String(kept))
    const second = await counted(server, engine)
    assert.equal(skills.count(), 450)
    assert.ok(second.requests <= Math.floor(450 / 99) + 1, 'it began anew')
  })

  test('of a month is kept in the database, and an option comes before it', async () => {
    const server = await registry(250, { sync_endpoint: {} })
    const { engine, config } = place(server.client())
    assert.equal(config.getRequestBudget(), null)
    assert.equal(config.setRequestBudget(2), undefined)
    assert.deepEqual([config.getRequestBudget(), engine.getStatus().requestBudget], [2, 2])
    assert.equal((await counted(server, engine)).requests, 2)
    assert.equal(engine.getStatus().requestsThisMonth, 2)
    assert.ok(new Date(engine.getStatus().pausedUntil) > new Date())
    assert.equal((await counted(server, engine)).requests, 0)
    assert.equal((await counted(server, engine, { monthlyRequestBudget: 3 })).requests, 1)
    config.setRequestBudget(null)
    assert.equal(config.getRequestBudget(), null)
    assert.equal((await counted(server, engine)).result.success, true)
  })

  test('and the other options are checked before anything is sent', async () => {
    const host = hostRegistry(1, true)
    const { engine, config } = place(host)
    for (const name of ['fullListingEveryMs', 'requestBudget', 'monthlyRequestBudget']) {
      await assert.rejects(engine.sync({ [name]: '5' }), wrongType(name, /a number/))
      for (const wrong of [-1, 1.5, Number.NaN, 2 ** 53]) await assert.rejects(engine.sync({ [name]: wrong }), outOfRange(name))
    }
    await assert.rejects(engine.sync({ listing: 5 }), wrongType('listing', /a string/))
    await assert.rejects(engine.sync({ listing: 'all' }), syncError('INVALID_ARGUMENT', /'all'.*'auto' or 'search'/))
    for (const wrong of [undefined, '5', {}]) assert.throws(() => config.setRequestBudget(wrong), wrongType('budget', /a number/))
    assert.throws(() => config.setRequestBudget(-1), outOfRange('budget'))
    assert.deepEqual(host.calls, [])
  })
})

describe('a registry of the host', () => {
  test('with syncRegistry is asked for all rows, then for changes, and never searched', async () => {
    const host = hostRegistry(250, true)
    const { engine, skills } = place(host)
    const first = await engine.sync()
    assert.deepEqual([first.success, first.skillsAdded, first.requests], [true, 250, host.calls.length])
    assert.ok(first.requests <= Math.floor(250 / 99) + 3, String(first.requests))
    assert.deepEqual(names(host), ['checkHealth', 'syncRegistry'])
    assert.ok(host.calls.every(([, since]) => since === undefined))

    host.rows.push({ ...host.rows[0], id: 'host/new', updated_at: new Date().toISOString() })
    host.calls.length = 0
    const second = await engine.sync()
    assert.deepEqual([second.success, second.skillsAdded, second.requests], [true, 1, host.calls.length])
    assert.ok(
      host.calls.slice(1).every(([name, since]) => name === 'syncRegistry' && since),
      JSON.stringify(host.calls),
    )
    assert.equal(skills.count(), 251)
  })

  test('without it is searched, and not one request more is counted', async () => {
    const host = hostRegistry(250, false)
    const { engine } = place(host)
    const { success, skillsAdded, requests } = await engine.sync()
    assert.deepEqual([success, skillsAdded, requests], [true, 250, host.calls.length])
    assert.deepEqual(names(host), ['checkHealth', 'search'])
  })

  test('whose syncRegistry answers 404 is searched', async () => {
    const host = hostRegistry(50, true)
    host.syncRegistry = () => {
      throw Object.assign(new Error('no such endpoint'), { status: 404 })
    }
    const result = await place(host).engine.sync()
    assert.deepEqual([result.success, result.skillsAdded], [true, 50])
  })

  test('with a promise of isOffline keeps its syncRegistry', async () => {
    const host = hostRegistry(50, true)
    host.isOffline = async () => false
    assert.equal((await place(host).engine.sync()).success, true)
    assert.deepEqual(names(host), ['checkHealth', 'syncRegistry'])
  })

  test('whose syncRegistry returns no page fails the run with its name', async () => {
    const host = hostRegistry(5, true)
    host.syncRegistry = () => undefined
    const result = await place(host).engine.sync()
    assert.equal(result.success, false)
    assert.match(result.errors[0], /syncRegistry must return a page, not undefined/)
  })

  test('is asked for changes only in the background, too', async () => {
    const host = hostRegistry(250, true)
    const { engine, config } = place(host)
    const service = new BackgroundSyncService(engine, config)
    assert.equal((await service.manualSync()).skillsAdded, 250)
    const { requests } = await service.manualSync()
    assert.ok(requests <= 3, String(requests))
    assert.deepEqual(names(host), ['checkHealth', 'syncRegistry'])
  })

  test('of an engine that counts no requests gets a result with 0', async () => {
    const result = {
      success: true,
      skillsAdded: 1,
      skillsUpdated: 0,
      skillsUnchanged: 0,
      totalProcessed: 1,
      errors: [],
      durationMs: 1,
      dryRun: false,
    }
    const service = new BackgroundSyncService({ sync: () => result }, place(hostRegistry(1)).config)
    assert.equal((await service.manualSync()).requests, 0)
  })
})

test('withdrawn skills are removed with prune, once two whole listings did not have them', async () => {
  const host = hostRegistry(120, true)
  const { engine, skills } = place(host)
  assert.equal((await engine.sync()).skillsAdded, 120)
  host.rows.splice(40, 10)
  const first = await engine.sync({ prune: true })
  assert.deepEqual([first.success, first.skillsRemoved, skills.count()], [true, 0, 120])
  assert.match(first.warnings[0], /^10 skills are no longer listed/)
  const dry = await engine.sync({ prune: true, dryRun: true })
  assert.deepEqual([dry.skillsRemoved, skills.count()], [10, 120])
  const second = await engine.sync({ prune: true })
  assert.deepEqual([second.success, second.skillsRemoved, skills.count()], [true, 10, 110])
  host.rows.splice(0, 60)
  await engine.sync({ prune: true })
  const refused = await engine.sync({ prune: true })
  assert.deepEqual([refused.success, refused.skillsRemoved], [false, 0])
  assert.match(refused.errors[0], /60 of 110 skills/)
  const forced = await engine.sync({ prune: true, force: true })
  assert.deepEqual([forced.skillsRemoved, skills.count()], [60, 50])
})
