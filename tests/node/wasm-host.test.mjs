// Promise 18 beside a real host whose SQLite is WebAssembly, in a process of its own: it has read the file, and later renames its
// copy over it.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { folder, sync } from './support/index.mjs'
import { Place } from './support/processes.mjs'

const { BackgroundSyncService, Database, SkillRepository, SyncConfigRepository, SyncEngine } = sync

const SKILLS = 1_000
/** Small ones: a commit has the rows of about five. */
const PAGES = 50

for (const name of Object.keys(process.env)) if (/^(SKILLSMITH_|SUPABASE_|HTTPS?_PROXY$|ALL_PROXY$)/i.test(name)) delete process.env[name]
process.env.HOME = folder()

/** The host's process. */
class Host {
  #program
  #steps = 0

  constructor(place) {
    this.#program = place.start('wasm-host.mjs', [place.path])
  }

  /** Resolves when it has done that step, to what came out. */
  async does(step) {
    const number = String(++this.#steps)
    this.#program.say(`${number} ${step}`)
    return JSON.parse(await this.#program.tells(number)).value
  }

  async ends() {
    this.#program.child.stdin.end()
    const { code, stderr } = await this.#program.end()
    assert.deepEqual([code, stderr], [0, ''])
  }
}

/** A registry of the host that serves small pages, and waits at the start of each. */
function pages(client, atPage = () => {}) {
  let page = 0
  return {
    isOffline: () => false,
    checkHealth: () => client.checkHealth(),
    search: async (options) => {
      page += 1
      await atPage(page)
      return client.search({ ...options, limit: Math.min(options.limit, SKILLS / PAGES) })
    },
  }
}

/** A service of ours over that database, and what it tells. */
function service(database, apiClient) {
  const errors = []
  const config = new SyncConfigRepository(database)
  const service = new BackgroundSyncService(new SyncEngine({ db: database, apiClient }), config, {
    onSyncError: (error) => errors.push(error),
  })
  return { errors, sync: () => service.manualSync() }
}

/** The next run is whole, and what the host has written is there too. */
async function assertNextIsWhole(place, database, host, own) {
  const { errors, sync } = service(database, place.registry.client())
  const result = await sync()
  assert.deepEqual([result.success, result.errors, errors], [true, [], []])
  assert.deepEqual(await host.does('check'), { integrity: 'ok', skills: SKILLS + own.length, own })
  place.look((db) => db.prepare("DELETE FROM skills WHERE source = 'local'").run())
  await place.assertComplete()
  place.assertSound()
}

describe('a host that has a copy of the file', () => {
  test('promise_18 opens it, we sync, it closes: its rows are there, and the next run is whole', async () => {
    const place = await Place.of(SKILLS)
    const database = new Database(place.path)
    const host = new Host(place)
    await host.does('open')
    await host.does('write own/one')
    const { errors, sync } = service(database, place.registry.client())
    const result = await sync()
    assert.deepEqual([result.success, result.skillsAdded, errors], [true, SKILLS, []])
    assert.deepEqual(await host.does('check'), { integrity: 'ok', skills: SKILLS, own: [] })
    await host.does('close')
    assert.deepEqual(await host.does('check'), { integrity: 'ok', skills: 1, own: ['own/one'] })
    // Through connections that were open all the time.
    assert.equal(new SkillRepository(database).count(), 1)
    assert.equal(new SyncEngine({ db: database, apiClient: place.registry.client() }).getStatus().config.lastSyncAt, null)
    await assertNextIsWhole(place, database, host, ['own/one'])
    await host.ends()
  })

  test('promise_18 saves it again and again between our runs', async () => {
    const place = await Place.of(SKILLS)
    const database = new Database(place.path)
    const host = new Host(place)
    await host.does('open')
    const { errors, sync } = service(database, place.registry.client())
    for (const own of ['own/1', 'own/2', 'own/3']) {
      assert.equal((await sync()).skillsAdded, SKILLS)
      // The -wal has a commit of ours.
      new SyncConfigRepository(database).setFrequency('weekly')
      await host.does(`write ${own}`)
      await host.does('save')
      const { integrity, skills } = await host.does('check')
      assert.deepEqual([integrity, skills], ['ok', Number(own.at(-1))])
      assert.equal(new SyncConfigRepository(database).getConfig().frequency, 'daily')
    }
    assert.deepEqual(errors, [])
    await assertNextIsWhole(place, database, host, ['own/1', 'own/2', 'own/3'])
    await host.ends()
  })

  test('promise_18 finds all that a run has written, though we still have the file open', async () => {
    const place = await Place.of(SKILLS)
    const database = new Database(place.path)
    const host = new Host(place)
    for (const own of [[], ['own/1'], ['own/1', 'own/2']]) {
      await service(database, place.registry.client()).sync()
      await host.does('open')
      assert.equal(await host.does('count'), SKILLS + own.length)
      await host.does(`write own/${own.length + 1}`)
      await host.does('close')
    }
    await assertNextIsWhole(place, database, host, ['own/1', 'own/2', 'own/3'])
    await host.ends()
  })
})

describe('a host that saves its copy during a first sync', () => {
  for (const at of [1, 2, 10, 20, 30, 40, PAGES]) {
    test(`promise_18 at page ${at} of ${PAGES}: the run fails, and the next one is whole`, async () => {
      const place = await Place.of(SKILLS)
      const database = new Database(place.path)
      const host = new Host(place)
      await host.does('open')
      await host.does('write own/one')
      let saved
      let served = 0
      // The rename comes at any moment in the writing of the pages before, but the run goes on after it.
      const client = pages(place.registry.client(), async (page) => {
        served = page
        if (page === at) saved = host.does('save')
        if (page > at || at === PAGES) await saved
      })
      const { errors, sync } = service(database, client)
      const result = await sync()
      await saved
      assert.ok(served >= at, `it ended at page ${served}`)
      assert.equal(result.success, false)
      assert.deepEqual(
        errors.map(({ code, retryable }) => [code, retryable]),
        [['DATABASE_REPLACED', true]],
      )
      assert.deepEqual(await host.does('check'), { integrity: 'ok', skills: 1, own: ['own/one'] })
      await assertNextIsWhole(place, database, host, ['own/one'])
      await host.ends()
    })
  }
})
