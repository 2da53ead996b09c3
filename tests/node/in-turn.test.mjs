// The TypeScript stack and this package on one database: in turn, at the same time, and made of each other's parts.

import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { describe, test } from 'node:test'

import { assertSound, look } from './support/database.mjs'
import { newPath, registry, sync, until } from './support/index.mjs'
import * as stack from './support/stack.mjs'

/** Its client turns down a whole page for one tier that it does not know. */
const KNOWN = { official: 'verified', curated: 'community', unverified: 'unknown' }

const byId = (a, b) => (a.id < b.id ? -1 : 1)

/** A registry whose every row the TypeScript stack accepts: one URL that two skills claim ends its run. */
async function tamed(count) {
  const place = await registry(count)
  const tame = async () => {
    const urls = new Set()
    const tamed = (await place.get('skills')).map((skill) => {
      const isTaken = urls.has(skill.repo_url)
      urls.add(skill.repo_url)
      return { ...skill, trust_tier: KNOWN[skill.trust_tier] ?? skill.trust_tier, repo_url: isTaken ? null : skill.repo_url }
    })
    await place.post('upsert', tamed)
  }
  await tame()
  return {
    ...place,
    /** Some skills change and some come; the new ones have a word that the TypeScript engine looks for. */
    async change(seed) {
      await place.post(`change?count=15&seed=${seed}`)
      await place.post(`add?count=5&seed=${seed}`)
      await place.post('upsert', {
        id: `turn/${seed}`,
        name: `git-tool-${seed}`,
        description: 'Came later',
        author: 'bob',
        tags: ['git'],
        trust_tier: 'community',
        repo_url: null,
        quality_score: 0.5,
        updated_at: new Date().toISOString(),
      })
      await tame()
    },
    theirClient: (more) => new stack.SkillsmithApiClient({ baseUrl: place.baseUrl, offlineMode: false, ...more }),
  }
}

/** Both stacks on one file, each with its own connection of the host or none. */
async function scene(count = 120) {
  const path = newPath()
  // `open` makes all the tables that its classes need.
  new sync.Database(path).close()
  const db = stack.openDatabase(path)
  const place = await tamed(count)
  const theirs = {
    config: new stack.SyncConfigRepository(db),
    history: new stack.SyncHistoryRepository(db),
    skills: new stack.SkillRepository(db),
  }
  const ours = {
    config: new sync.SyncConfigRepository(path),
    history: new sync.SyncHistoryRepository(path),
    skills: new sync.SkillRepository(path),
  }
  theirs.engine = new stack.SyncEngine(place.theirClient(), theirs.skills, theirs.config, theirs.history)
  ours.engine = new sync.SyncEngine({ db: path, apiClient: place.client() })
  return { path, db, place, theirs, ours }
}

/** Both read the same, field by field. */
function assertAgreed({ theirs, ours }) {
  assert.deepEqual(ours.config.getConfig(), theirs.config.getConfig())
  assert.equal(ours.config.isSyncDue(), theirs.config.isSyncDue())
  // Runs of one millisecond have no order in its queries.
  assert.deepEqual(ours.history.getHistory(100).sort(byId), theirs.history.getHistory(100).sort(byId))
  assert.deepEqual(ours.history.getStats(), theirs.history.getStats())
  assert.equal(ours.history.count(), theirs.history.count())
  assert.equal(ours.history.isRunning(), theirs.history.isRunning())
  assert.equal(ours.skills.count(), theirs.skills.count())
}

/** Every row of the registry stands there with its values, and both stacks read them. */
async function assertComplete({ place, theirs, ours }) {
  const served = await place.get('skills')
  assert.equal(ours.skills.count(), served.length)
  for (const skill of served) {
    const ourRecord = ours.skills.findById(skill.id)
    assert.deepEqual(
      ourRecord,
      {
        ...ourRecord,
        name: skill.name,
        description: skill.description ?? null,
        author: skill.author ?? null,
        repoUrl: skill.repo_url ?? null,
        qualityScore: skill.quality_score ?? null,
        trustTier: skill.trust_tier,
        tags: skill.tags ?? [],
      },
      skill.id,
    )
    // Its engine stamps rows with the local time; one that means the same moment may stay.
    const stamp = /Z|[+]/.test(ourRecord.updatedAt) ? ourRecord.updatedAt : `${ourRecord.updatedAt.replace(' ', 'T')}Z`
    assert.equal(Date.parse(stamp), Date.parse(skill.updated_at), `${skill.id}: ${ourRecord.updatedAt} for ${skill.updated_at}`)
    assert.deepEqual(ourRecord, theirs.skills.findById(skill.id))
  }
}

const assertWell = (result) => assert.deepEqual([result.success, result.errors], [true, []])

describe('in turn', () => {
  test('the engines sync one database, each reading what the other wrote', async () => {
    const s = await scene()
    const { place, theirs, ours } = s
    for (let round = 0; round < 4; round++) {
      await place.change(10 * round)
      const known = ours.skills.count()
      const theirResult = await theirs.engine.sync()
      assertWell(theirResult)
      assertAgreed(s)
      const theirRun = ours.history.getLastSuccessful()
      assert.deepEqual(
        [theirRun.skillsAdded, theirRun.skillsUpdated, theirRun.skillsUnchanged],
        [theirResult.skillsAdded, theirResult.skillsUpdated, theirResult.skillsUnchanged],
      )
      assert.equal(ours.skills.count(), known + theirResult.skillsAdded)
      const found = ours.skills.findById(`turn/${10 * round}`)
      assert.deepEqual([found?.name, found?.tags], [`git-tool-${10 * round}`, ['git']])

      await place.change(10 * round + 1)
      const before = ours.skills.count()
      const ourResult = await ours.engine.sync()
      assertWell(ourResult)
      assert.equal(ourResult.coverage, 'complete')
      assert.equal(ours.skills.count(), before + ourResult.skillsAdded)
      assertAgreed(s)
      await assertComplete(s)
      const ourRun = theirs.history.getLastSuccessful()
      assert.deepEqual(
        [ourRun.skillsAdded, ourRun.skillsUpdated, ourRun.skillsUnchanged],
        [ourResult.skillsAdded, ourResult.skillsUpdated, ourResult.skillsUnchanged],
      )
      assert.equal(theirs.config.getConfig().lastSyncCount, ourResult.skillsAdded + ourResult.skillsUpdated)
      assert.equal(theirs.config.isSyncDue(), false)
      const idle = await ours.engine.sync()
      assert.deepEqual([idle.skillsAdded, idle.skillsUpdated], [0, 0])
    }
    assert.equal(theirs.history.count(), 12)
    const search = new stack.SearchService(s.db)
    assert.equal(search.search({ query: 'tool', limit: 50 }).items.filter(({ skill }) => skill.id.startsWith('turn/')).length, 8)
    s.db.close()
    assertSound(s.path)
  })

  test('what its engine leaves out, ours completes', async () => {
    const s = await scene(300)
    assertWell(await s.theirs.engine.sync())
    const served = (await s.place.get('skills')).length
    const stood = s.ours.skills.count()
    assert.ok(stood > 0 && stood < served, `it is to have found some, but not all: ${stood} of ${served}`)
    const result = await s.ours.engine.sync()
    assertWell(result)
    assert.deepEqual([result.skillsAdded, result.totalProcessed], [served - stood, served])
    await assertComplete(s)
    s.db.close()
    assertSound(s.path)
  })

  test('a forced run of its engine, then one of ours, changes nothing that is right', async () => {
    const s = await scene(80)
    assertWell(await s.ours.engine.sync())
    assertWell(await s.theirs.engine.sync({ force: true }))
    assertWell(await s.ours.engine.sync())
    await assertComplete(s)
    const forced = await s.ours.engine.sync({ force: true })
    assert.deepEqual([forced.skillsAdded, forced.skillsUpdated], [0, 0])
    assertAgreed(s)
    s.db.close()
    assertSound(s.path)
  })

  test('a dry run of either writes nothing that the other sees', async () => {
    const s = await scene(60)
    const before = look(s.path, (db) =>
      db.prepare('SELECT (SELECT count(*) FROM skills), last_sync_at, next_sync_at FROM sync_config').raw().get(),
    )
    for (const engine of [s.theirs.engine, s.ours.engine]) {
      const result = await engine.sync({ dryRun: true })
      assert.equal(result.dryRun, true)
      assert.ok(result.skillsAdded > 0)
    }
    assert.deepEqual(
      look(s.path, (db) => db.prepare('SELECT (SELECT count(*) FROM skills), last_sync_at, next_sync_at FROM sync_config').raw().get()),
      before,
    )
    s.db.close()
  })

  test('the repositories write by turns', async () => {
    const s = await scene(1)
    const { theirs, ours } = s
    const counts = { skillsAdded: 1, skillsUpdated: 2, skillsUnchanged: 3 }
    for (const [one, other] of [
      [theirs, ours],
      [ours, theirs],
      [theirs, ours],
    ]) {
      one.config.setLastSyncError('by one')
      assert.equal(other.config.getConfig().lastSyncError, 'by one')
      assert.equal(other.config.setFrequency('weekly').frequency, 'weekly')
      one.config.setLastSync('2026-05-01T00:00:00.000Z', 7)
      assert.equal(other.config.getConfig().nextSyncAt, '2026-05-08T00:00:00.000Z')
      assert.equal(other.config.setFrequency('daily').nextSyncAt, '2026-05-02T00:00:00.000Z')
      assert.equal(one.config.disable().enabled, false)
      assert.equal(other.config.enable().enabled, true)
      const id = one.history.startRun()
      assert.equal(other.history.isRunning(), true)
      other.history.completeRunPartial(id, counts, 'half')
      assert.equal(one.history.getById(id).errorMessage, 'half')
      const failed = other.history.startRun()
      one.history.failRun(failed, 'no')
      assert.equal(other.history.getById(failed).status, 'failed')
      assertAgreed(s)
    }
    s.db.close()
  })

  test('a message that the host has cut inside a character does not stop every sync to come', async () => {
    const s = await scene(20)
    s.theirs.config.setLastSyncError('The registry said: 🦀'.slice(0, -1))
    assertWell(await s.ours.engine.sync())
    assert.equal(s.theirs.config.getConfig().lastSyncError, null)
    s.db.close()
  })

  test('a description that the host has cut inside a character is mended', async () => {
    const s = await scene(20)
    assertWell(await s.ours.engine.sync())
    const [skill] = await s.place.get('skills')
    s.theirs.skills.update(skill.id, { description: 'Digs in the history 🦀'.slice(0, -1) })
    assertWell(await s.ours.engine.sync({ force: true }))
    await assertComplete(s)
    s.db.close()
    assertSound(s.path)
  })
})

describe('at the same time', () => {
  test('both engines in one process: ours ends well, and nothing is lost', async () => {
    const s = await scene(1500)
    const [ourResult, theirResult] = await Promise.all([s.ours.engine.sync(), s.theirs.engine.sync()])
    assertWell(ourResult)
    // Its engine looks which skills are there before its transaction begins, and fails where ours adds one meanwhile.
    if (!theirResult.success) assert.match(theirResult.errors.join('\n'), /^UNIQUE constraint failed: skills\.(repo_url|id)$/)
    assertWell(await s.ours.engine.sync())
    await assertComplete(s)
    assertAgreed(s)
    s.db.close()
    assertSound(s.path)
  })

  test("the stack's classes write while ours syncs", async () => {
    const s = await scene(1500)
    let settled = false
    const running = s.ours.engine.sync().finally(() => (settled = true))
    let n = 0
    while (!settled) {
      s.theirs.skills.create({ id: `host/${n}`, name: `by the host ${n}` })
      s.theirs.config.setLastSyncError(`round ${n++}`)
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    assertWell(await running)
    assert.ok(n > 2, `${n} rounds`)
    for (let m = 0; m < n; m++) assert.equal(s.ours.skills.findById(`host/${m}`)?.name, `by the host ${m}`)
    assert.equal(s.ours.skills.count(), (await s.place.get('skills')).length + n)
    s.db.close()
    assertSound(s.path)
  })
})

describe("our engine with the stack's parts", () => {
  test('its client, known by its baseUrl', async () => {
    const s = await scene(50)
    const theirClient = s.place.theirClient({ apiKey: 'their-key' })
    const engine = new sync.SyncEngine({ db: s.path, apiClient: theirClient })
    assertWell(await engine.sync())
    await assertComplete(s)
    const listings = (await s.place.get('requests')).filter(({ path }) => path.endsWith('/skills-search'))
    assert.ok(listings.length > 0)
    for (const { headers } of listings) {
      assert.equal(headers['x-api-key'], 'their-key')
      assert.match(headers['user-agent'], /skillsmith-sync/, 'it asks in the way of this package')
    }
    s.db.close()
  })

  test('its client is read anew for each run', async () => {
    const s = await scene(20)
    const other = await tamed(35)
    const theirClient = s.place.theirClient()
    const engine = new sync.SyncEngine({ db: s.path, apiClient: theirClient })
    assert.equal((await engine.sync()).totalProcessed, 20)
    theirClient.offlineMode = true
    const offline = await engine.sync()
    assert.deepEqual([offline.success, offline.errors], [false, ['API client is in offline mode. Cannot sync.']])
    theirClient.offlineMode = false
    theirClient.baseUrl = other.baseUrl
    theirClient.jwtToken = 'token'
    assert.equal((await engine.sync()).totalProcessed, 35)
    const [{ headers }] = await other.get('requests')
    assert.equal(headers.authorization, 'Bearer token')
    s.db.close()
  })

  test('its three repositories and its client, in the four arguments, and a fifth', async () => {
    const s = await scene(50)
    const { skills, config, history } = s.theirs
    for (const more of [[], [{ recordVersion() {} }]]) {
      const engine = new sync.SyncEngine(s.place.theirClient(), skills, config, history, ...more)
      await s.place.change(more.length)
      assertWell(await engine.sync())
      await assertComplete(s)
      const status = engine.getStatus()
      assert.deepEqual(status, {
        config: config.getConfig(),
        lastRun: history.getLastSuccessful(),
        isRunning: false,
        requestsThisMonth: status.requestsThisMonth,
        requestBudget: null,
        isDue: false,
        pausedUntil: null,
      })
    }
    assertAgreed(s)
    s.db.close()
    assertSound(s.path)
  })

  test('a mixture of its repositories and ours', async () => {
    const s = await scene(20)
    const engine = new sync.SyncEngine(s.place.client(), s.theirs.skills, s.ours.config, s.theirs.history)
    assertWell(await engine.sync())
    await assertComplete(s)
    s.db.close()
    await assert.rejects(new sync.SyncEngine(s.place.client(), s.ours.skills, s.ours.config, s.ours.history).sync({ force: 5 }), TypeError)
  })

  test('its repositories of another file are refused', async () => {
    const s = await scene(1)
    s.db.pragma('wal_checkpoint(TRUNCATE)')
    const copy = newPath()
    copyFileSync(s.path, copy)
    assert.throws(
      () => new sync.SyncEngine(s.place.client(), new sync.SkillRepository(copy), s.theirs.config, s.theirs.history),
      (error) => error.code === 'INVALID_ARGUMENT' && error.message.includes(copy),
    )
    s.db.close()
  })

  test('its repositories, when their connection is closed', async () => {
    const s = await scene(1)
    const engine = new sync.SyncEngine(s.place.client(), s.theirs.skills, s.theirs.config, s.theirs.history)
    s.db.close()
    await assert.rejects(engine.sync(), { name: 'SkillsmithSyncError', code: 'DATABASE_CLOSED' })
    assert.throws(() => engine.getStatus(), { name: 'SkillsmithSyncError', code: 'DATABASE_CLOSED' })
    assert.equal(s.ours.history.count(), 0)
  })
})

describe("the stack's engine with our parts", () => {
  test('our client and our repositories of configuration and history', async () => {
    const s = await scene(60)
    const engine = new stack.SyncEngine(s.place.client(), s.theirs.skills, s.ours.config, s.ours.history)
    const phases = []
    const result = await engine.sync({ onProgress: ({ phase }) => phases.push(phase) })
    assertWell(result)
    assert.ok(result.skillsAdded > 0)
    assert.deepEqual([...new Set(phases)].slice(0, 2), ['connecting', 'fetching'])
    assert.equal(s.ours.skills.count(), result.skillsAdded)
    assert.equal(s.theirs.history.getLastSuccessful().skillsAdded, result.skillsAdded)
    assert.deepEqual(engine.getStatus(), {
      config: s.theirs.config.getConfig(),
      lastRun: s.theirs.history.getLastSuccessful(),
      isRunning: false,
      isDue: false,
    })
    assertAgreed(s)
    s.db.close()
  })

  test('our client when offline or unhealthy', async () => {
    const s = await scene(5)
    const run = (client) => new stack.SyncEngine(client, s.theirs.skills, s.ours.config, s.ours.history).sync()
    const offline = await run(s.place.client({ offlineMode: true }))
    assert.deepEqual([offline.success, offline.errors], [false, ['API client is in offline mode. Cannot sync.']])
    await s.place.post('options', { health: 'unhealthy' })
    const unhealthy = await run(s.place.client())
    assert.deepEqual([unhealthy.success, unhealthy.errors], [false, ['API is unhealthy. Try again later.']])
    s.db.close()
  })
})

describe('background services with the parts of the other', () => {
  /** Starts a service and gives what it told of its first sync. */
  async function firstSync(make) {
    let service
    const told = await new Promise((resolve) => {
      const options = {
        checkIntervalMs: 60_000,
        syncOnStart: true,
        onSyncComplete: (result) => resolve({ result }),
        onSyncError: (error) => resolve({ error }),
      }
      service = make(options)
      service.start()
      assert.equal(service.isServiceStarted(), true)
    })
    return { service, ...told }
  }

  test("the stack's service with our engine and our configuration", async () => {
    const s = await scene(60)
    const { service, result, error } = await firstSync((options) => new stack.BackgroundSyncService(s.ours.engine, s.ours.config, options))
    assert.equal(error, undefined)
    assertWell(result)
    await assertComplete(s)
    await until(() => !service.isSyncRunning(), 'the end of the sync')
    const state = service.getState()
    assert.deepEqual([state.isStarted, state.syncsTriggered, state.lastError], [true, 1, null])
    assert.deepEqual(state.lastResult, result)
    await s.place.change(1)
    assertWell(await service.manualSync())
    await assertComplete(s)
    await service.stop()
    assert.equal(service.isServiceStarted(), false)
    s.db.close()
  })

  test("our service with the stack's engine and its configuration", async () => {
    const s = await scene(60)
    const { service, result, error } = await firstSync(
      (options) => new sync.BackgroundSyncService(s.theirs.engine, s.theirs.config, options),
    )
    assert.equal(error, undefined)
    assertWell(result)
    assert.equal(s.ours.skills.count(), result.skillsAdded)
    await until(() => !service.isSyncRunning(), 'the end of the sync')
    const state = service.getState()
    assert.deepEqual([state.isStarted, state.isRunning, state.syncsTriggered, state.lastError], [true, false, 1, null])
    assertWell(await service.manualSync())
    assert.equal(s.ours.history.count(), 2)
    await service.stop()
    s.db.close()
  })

  for (const [what, pick] of [
    ["the stack's engine and our configuration", (s) => [s.theirs.engine, s.ours.config]],
    ["our engine and the stack's configuration", (s) => [s.ours.engine, s.theirs.config]],
  ]) {
    test(`our service with ${what}`, async () => {
      const s = await scene(30)
      const { service, result } = await firstSync((options) => new sync.BackgroundSyncService(...pick(s), options))
      assertWell(result)
      await service.stop()
      // Not due any more: a second service does nothing.
      const idle = new sync.BackgroundSyncService(...pick(s), { onSyncComplete: () => assert.fail('it synced again') })
      idle.start()
      assert.deepEqual([idle.isSyncRunning(), idle.getState().syncsTriggered], [false, 0])
      await idle.stop()
      assert.equal(s.ours.history.count(), 1)
      s.db.close()
    })
  }

  test("promise_9 the backoff of our engine also holds with the stack's configuration, and survives a restart", async () => {
    const s = await scene(30)
    const fault = { status: { code: 429, headers: { 'Retry-After': '7200' } } }
    await s.place.post('faults', [{ when: { path: 'listing', times: 0 }, action: fault }])
    const errors = []
    for (let start = 0; start < 2; start++) {
      const service = new sync.BackgroundSyncService(s.ours.engine, s.theirs.config, {
        checkIntervalMs: 5,
        onSyncError: (error) => errors.push(error.code),
      })
      service.start()
      await until(() => errors.length > 0 && service.getState().checksPerformed > 10, 'ten checks')
      await service.stop()
    }
    assert.deepEqual(errors, ['RATE_LIMITED'])
    const listings = (await s.place.get('requests')).filter(({ path }) => path.endsWith('/skills-search'))
    assert.equal(listings.length, 1)
    s.db.close()
  })

  test('either service starts nothing where the other has switched syncing off', async () => {
    const s = await scene(5)
    s.theirs.config.disable()
    const ours = new sync.BackgroundSyncService(s.ours.engine, s.ours.config)
    ours.start()
    assert.equal(ours.isServiceStarted(), false)
    s.ours.config.enable()
    s.ours.config.disable()
    const theirs = new stack.BackgroundSyncService(s.ours.engine, s.ours.config)
    theirs.start()
    assert.equal(theirs.getState().syncsTriggered, 0)
    theirs.stop()
    await ours.stop()
    assert.equal(s.ours.history.count(), 0)
    s.db.close()
  })

  test("the stack's service tells why our engine failed", async () => {
    const s = await scene(5)
    await s.place.post('options', { forbidden: 'Your plan does not include it' })
    const { service, result, error } = await firstSync((options) => new stack.BackgroundSyncService(s.ours.engine, s.ours.config, options))
    const words = error?.message ?? result.errors.join()
    assert.match(words, /Your plan does not include it/)
    await until(() => !service.isSyncRunning(), 'the end of the sync')
    service.stop()
    assert.equal(s.theirs.history.getHistory(1)[0].status, 'failed')
    s.db.close()
  })
})
