// Which databases of a host can be shared with: a SQLite that works on the file can, a copy of it in memory cannot.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { inChild } from './support/child.mjs'
import { assertSound, fingerprint, look } from './support/database.mjs'
import { BetterSqlite3, folder, newPath, registry, sync, until } from './support/index.mjs'
import { resultOf, RUNTIMES, startHost } from './support/runtimes.mjs'
import { CopyOfFile, sqlJs, withFts5 } from './support/wasm.mjs'

const { BackgroundSyncService, Database, SkillRepository, SyncConfigRepository, SyncEngine, SyncHistoryRepository } = sync

const client = () => new sync.SkillsmithApiClient({ baseUrl: 'http://127.0.0.1:1', offlineMode: true })

/** A complete database that nobody has open, in one file. */
function made() {
  const path = newPath()
  new Database(path).close()
  return path
}

/** A TypeError that says why, and what to do. */
const refused = (name) => (error) => {
  assert.ok(error instanceof TypeError, `not a TypeError: ${error?.stack ?? error}`)
  assert.equal(error.code, 'INVALID_ARGUMENT')
  assert.ok(error.message.startsWith(`${name} is a copy of the database in memory`), error.message)
  for (const word of [/would undo/, /better-sqlite3/, /pass its path/, /restart the session/]) assert.match(error.message, word)
  return true
}

/** Every way in which a host has a copy of the file, and not the file. */
const COPIES = {
  'of sql.js': () => new sqlJs.Database(),
  'of fts5-sql-bundle': () => new withFts5.Database(),
  "in a wrapper as the stack's": (path) => new CopyOfFile(path),
  'in such a wrapper over sql.js': (path) => new CopyOfFile(path, sqlJs),
  'in a wrapper whose handle alone can be exported': (name) => ({ name, native: new withFts5.Database() }),
  'in a wrapper with a name of its own for the handle': (name) => ({ name, open: true, sqlite: new withFts5.Database() }),
  'that is not a file at all': () => ({ name: ':memory:', native: new withFts5.Database() }),
}

describe('a copy in memory is refused', () => {
  for (const [what, make] of Object.entries(COPIES)) {
    test(`one ${what}`, () => {
      const path = made()
      const before = fingerprint(path)
      const db = make(path)
      const stacks = { db }
      const ours = new SyncConfigRepository(new Database(':memory:'))
      for (const make of [SyncConfigRepository, SyncHistoryRepository, SkillRepository]) assert.throws(() => new make(db), refused('db'))
      assert.throws(() => new SyncEngine({ db, apiClient: client() }), refused('db'))
      assert.throws(() => new SyncEngine(client(), stacks, stacks, stacks), refused('configRepo.db'))
      assert.throws(() => new SyncEngine(client(), stacks, ours, ours), refused('skillRepo.db'))
      const schedule = { db, getConfig: () => ours.getConfig(), isSyncDue: () => true }
      const engine = new SyncEngine({ db: new Database(':memory:'), apiClient: client() })
      assert.throws(() => new BackgroundSyncService(engine, schedule), refused('configRepo.db'))
      // What a host syncs by itself is its own affair.
      new BackgroundSyncService({ sync: () => ({}) }, schedule)
      assert.deepEqual(fingerprint(path), before)
    })
  }

  test('startBackgroundSync tells onSyncError, once it has returned', async () => {
    const path = made()
    const before = fingerprint(path)
    const told = []
    const background = sync.startBackgroundSync({ db: new CopyOfFile(path), apiClient: client(), onSyncError: (error) => told.push(error) })
    assert.deepEqual(told, [])
    await until(() => told.length > 0, 'the error')
    refused('db')(told[0])
    const { service, engine, configRepo, historyRepo } = background
    assert.equal(service.isServiceStarted(), false)
    assert.equal(service.getState().lastError, told[0])
    for (const call of [() => service.start(), () => engine.getStatus(), () => configRepo.getConfig(), () => historyRepo.count()]) {
      assert.throws(call, refused('db'))
    }
    await assert.rejects(engine.sync(), refused('db'))
    assert.equal(told.length, 1)
    await assert.rejects(service.manualSync(), refused('db'))
    await background.stop()
    assert.deepEqual(fingerprint(path), before)
  })

  test('without onSyncError it is one line on stderr, and the host lives on', async () => {
    const outcome = inChild(
      `({ sync, args: [path] }) => {
        sync.startBackgroundSync({ db: { name: path, export() {} } })
        return new Promise((resolve) => setTimeout(resolve, 10, 'lives'))
      }`,
      { args: [made()] },
    )
    await assert.rejects(outcome, { message: /^the child complains: \[skillsmith-sync\] db is a copy of the database in memory .*\.\n$/ })
  })
})

describe('a connection to the file is not refused', () => {
  /** As the TypeScript stack's over better-sqlite3. */
  class Native {
    constructor(db) {
      this.db = db
    }
    get native() {
      return this.db
    }
    get name() {
      return this.db.name
    }
    get open() {
      return this.db.open
    }
  }
  class NativeWithExport extends Native {
    export() {
      return this.db.serialize()
    }
  }
  class ConnectionWithExport extends BetterSqlite3 {
    export() {
      return this.serialize()
    }
  }
  const CONNECTIONS = {
    'better-sqlite3': (path) => new BetterSqlite3(path),
    'better-sqlite3 with an export of the host': (path) => new ConnectionWithExport(path),
    "the stack's wrapper": (path) => new Native(new BetterSqlite3(path)),
    'such a wrapper with an export': (path) => new NativeWithExport(new BetterSqlite3(path)),
    'a name': (path) => ({ name: path }),
    'a file name': (path) => ({ filename: path }),
    'a location': (path) => ({ location: () => path, isOpen: true, open() {} }),
  }
  for (const [what, make] of Object.entries(CONNECTIONS)) {
    test(what, () => {
      const path = made()
      const db = make(path)
      for (const make of [SyncConfigRepository, SyncHistoryRepository, SkillRepository]) new make(db)
      new SyncConfigRepository(db).setFrequency('weekly')
      assert.equal(new SyncEngine({ db, apiClient: client() }).getStatus().config.frequency, 'weekly')
      assert.equal(new SyncEngine(client(), { db }, { db }, { db }).getStatus().config.frequency, 'weekly')
      assert.equal(
        look(path, (other) => other.prepare('SELECT frequency FROM sync_config').pluck().get()),
        'weekly',
      )
    })
  }

  test('a closed one and one in memory have their own errors', () => {
    assert.throws(() => new SkillRepository({ filename: made(), isOpen: false }), { code: 'DATABASE_CLOSED' })
    for (const db of [{ filename: ':memory:' }, { filename: '' }, { location: () => null }]) {
      assert.throws(() => new SkillRepository(db), { code: 'INVALID_ARGUMENT', message: /in-memory database of another library/ })
    }
  })
})

describe('each sees what the other commits, while both have the file open', () => {
  for (const [driver, runtime] of Object.entries(RUNTIMES)) {
    const skip = runtime ? false : 'not available on this platform'
    const rows = (path) => look(path, (db) => db.prepare('SELECT count(*) FROM of_the_host').pluck().get())

    test(`promise_16 ${driver}, in one process`, { skip }, async () => {
      const at = await registry(300)
      const path = made()
      const { written, ...seen } = await resultOf(startHost(driver, 'live.mjs', [path, at.baseUrl], folder()))
      assert.deepEqual(seen, {
        success: true,
        errors: [],
        added: 300,
        seenByHost: 300,
        seenByUs: { skills: 300, error: 'from the host' },
      })
      assert.ok(written >= 3, `${written} rows`)
      assertSound(path)
      assert.equal(rows(path), written)
    })

    test(`${driver}, in another process`, { skip }, async () => {
      const at = await registry(300)
      const path = made()
      const host = startHost(driver, 'neighbour.mjs', [path], folder())
      await until(() => host.stdout.includes('open'), 'its first row')
      const result = await new SyncEngine({ db: path, apiClient: at.client() }).sync()
      assert.deepEqual([result.success, result.skillsAdded], [true, 300], result.errors[0])
      host.child.stdin.end()
      const { written, skills } = await resultOf(host)
      assert.equal(skills, 300)
      assertSound(path)
      assert.equal(rows(path), written)
    })
  }
})
