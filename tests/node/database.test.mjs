// The database: opening, closing, what stands for one, and the other SQLite of the process.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { userInfo } from 'node:os'
import { join, relative } from 'node:path'
import { describe, test } from 'node:test'

import { inChild } from './support/child.mjs'
import { assertSound, dump, fingerprint, look } from './support/database.mjs'
import { assertSyncError, syncError, wrongType } from './support/errors.mjs'
import { BetterSqlite3, folder, newPath, ROOT, sync } from './support/index.mjs'
import * as stack from './support/stack.mjs'

const { Database, SyncConfigRepository, SyncHistoryRepository, SkillRepository, SyncEngine } = sync
const mode = (path) => (statSync(path).mode & 0o777).toString(8)
const COUNTS = { skillsAdded: 1, skillsUpdated: 2, skillsUnchanged: 3 }

/** A complete database that nobody has open, in one file. */
function made() {
  const path = newPath()
  const database = new Database(path)
  new SyncConfigRepository(database).setLastSyncError('as it was')
  database.close()
  const db = new BetterSqlite3(path)
  db.prepare("INSERT INTO skills (id, name) VALUES ('a/b', 'one')").run()
  // The last one who leaves takes the log along.
  db.close()
  return path
}

/** The same in a file that our SQLite has never had open in this process. */
function strange() {
  const path = newPath()
  copyFileSync(made(), path)
  return path
}

/** Every call of the repositories that reads, and every one that writes. */
function calls(db) {
  const config = new SyncConfigRepository(db)
  const history = new SyncHistoryRepository(db)
  const skills = new SkillRepository(db)
  const engine = new SyncEngine({ db, apiClient: new sync.SkillsmithApiClient({ baseUrl: 'http://127.0.0.1:1', offlineMode: true }) })
  return {
    reading: {
      getConfig: () => config.getConfig(),
      isSyncDue: () => config.isSyncDue(),
      getById: () => history.getById('x'),
      getHistory: () => history.getHistory(),
      getLastSuccessful: () => history.getLastSuccessful(),
      getRunning: () => history.getRunning(),
      isRunning: () => history.isRunning(),
      historyCount: () => history.count(),
      getStats: () => history.getStats(),
      findById: () => skills.findById('x'),
      exists: () => skills.exists('x'),
      count: () => skills.count(),
      getStatus: () => engine.getStatus(),
    },
    writing: {
      updateConfig: () => config.updateConfig({ enabled: false }),
      enable: () => config.enable(),
      disable: () => config.disable(),
      setFrequency: () => config.setFrequency('weekly'),
      setLastSync: () => config.setLastSync('2026-01-01T00:00:00.000Z', 1),
      setLastSyncError: () => config.setLastSyncError('new'),
      clearError: () => config.clearError(),
      startRun: () => history.startRun(),
      completeRun: () => history.completeRun('x', COUNTS),
      completeRunPartial: () => history.completeRunPartial('x', COUNTS, 'half'),
      failRun: () => history.failRun('x', 'no'),
      cleanup: () => history.cleanup(),
    },
    engine,
  }
}

describe('Database', () => {
  test('creates a missing file, complete, with its folders', () => {
    const path = join(folder(), 'a/b/skills.db')
    const database = new Database(path)
    assert.deepEqual([database.name, database.memory, database.readonly, database.open], [path, false, false, true])
    assert.equal(new SkillRepository(database).count(), 0)
    look(path, (db) => {
      assert.deepEqual(db.prepare('SELECT version FROM schema_version ORDER BY version').pluck().all(), [1, 2, 3])
      assert.equal(db.pragma('journal_mode', { simple: true }), 'wal')
    })
    database.close()
    assertSound(path)
  })

  test('makes folders 0700 and files 0600, whatever the umask', { skip: process.platform === 'win32' }, () => {
    const root = folder()
    const path = join(root, 'a/b/skills.db')
    const umask = process.umask(0)
    try {
      const database = new Database(path)
      new SyncHistoryRepository(database).startRun()
      assert.deepEqual([mode(join(root, 'a')), mode(join(root, 'a/b')), mode(path)], ['700', '700', '600'])
      for (const file of readdirSync(join(root, 'a/b'))) assert.equal(mode(join(root, 'a/b', file)), '600', file)
      assert.ok(existsSync(`${path}-wal`), 'the log is among them')
      database.close()
    } finally {
      process.umask(umask)
    }
  })

  test('leaves the modes of what is there already', { skip: process.platform === 'win32' }, () => {
    const path = made()
    chmodSync(path, 0o640)
    const database = new Database(path)
    new SyncConfigRepository(database).disable()
    assert.equal(mode(path), '640')
    database.close()
  })

  test('takes a relative path, and tells the absolute one', () => {
    const path = made()
    const database = new Database(relative(process.cwd(), path))
    assert.equal(database.name.startsWith('/'), true)
    assert.equal(statSync(database.name).ino, statSync(path).ino)
    assert.equal(new SkillRepository(database).count(), 1)
    database.close()
  })

  test('an existing file keeps what it has', () => {
    const path = made()
    const before = dump(path)
    const database = new Database(path)
    assert.equal(new SyncConfigRepository(database).getConfig().lastSyncError, 'as it was')
    database.close()
    assert.deepEqual(dump(path), before)
  })

  test('by default is SKILLSMITH_DB_PATH, else ~/.skillsmith/skills.db', async () => {
    const home = folder()
    const elsewhere = join(folder(), 'elsewhere.db')
    const name = '({ sync }) => { const d = new sync.Database(); return [d.name, d.open] }'
    assert.deepEqual(await inChild(name, { home, env: { SKILLSMITH_DB_PATH: elsewhere } }), { value: [elsewhere, true] })
    assert.equal(existsSync(elsewhere), true)
    assert.equal(existsSync(join(home, '.skillsmith')), false)
    const atHome = join(home, '.skillsmith/skills.db')
    assert.deepEqual(await inChild(name, { home }), { value: [atHome, true] })
    assert.deepEqual(await inChild(name, { home, env: { SKILLSMITH_DB_PATH: '' } }), { value: [atHome, true] })
    assert.deepEqual([mode(join(home, '.skillsmith')), mode(atHome)], ['700', '600'])
  })

  test('by default is at the home folder of the system where HOME is not set', async () => {
    // Without a sync of this user there is none, and the error has its path.
    const path =
      '({ sync }) => { try { return new sync.Database(undefined, { readonly: true }).name } catch (error) { return error.message } }'
    const { value } = await inChild(path, { home: '' })
    const expected = join(userInfo().homedir, '.skillsmith/skills.db')
    assert.ok(value.includes(expected), `${value} has no ${expected}`)
  })

  test('`:memory:` is a database of its own each time, shared by its repositories', () => {
    const [one, two] = [new Database(':memory:'), new Database(':memory:')]
    assert.deepEqual([one.name, one.memory, one.open], [':memory:', true, true])
    new SyncConfigRepository(one).setLastSyncError('mine')
    assert.equal(new SyncConfigRepository(one).getConfig().lastSyncError, 'mine')
    assert.equal(new SyncConfigRepository(two).getConfig().lastSyncError, null)
    assert.throws(() => new Database(':memory:', { readonly: true }), syncError('INVALID_ARGUMENT', /read-only/))
    one.close()
    assert.throws(() => new SyncConfigRepository(one).getConfig(), syncError('DATABASE_CLOSED'))
    assert.equal(new SyncConfigRepository(two).getConfig().lastSyncError, null)
    assert.equal(existsSync(':memory:'), false)
  })

  test('read-only reads, and changes not a byte', () => {
    const path = made()
    const before = fingerprint(path)
    const database = new Database(path, { readonly: true })
    assert.equal(database.readonly, true)
    const { reading, writing } = calls(database)
    for (const call of Object.values(reading)) call()
    for (const [name, call] of Object.entries(writing)) {
      assert.throws(call, syncError('READ_ONLY'), name)
    }
    database.close()
    assert.deepEqual(fingerprint(path), before)
  })

  test('read-only never creates a file', () => {
    const path = newPath()
    assert.throws(() => new Database(path, { readonly: true }), syncError('IO_ERROR', /open .*skills\.db/))
    assert.equal(existsSync(path), false)
  })

  test('closing twice is fine; every later use fails, and says why', async () => {
    const path = made()
    const before = fingerprint(path)
    const database = new Database(path)
    const { reading, writing, engine } = calls(database)
    database.close()
    assert.equal(database.open, false)
    database.close()
    assert.deepEqual([database.open, database.name, database.memory], [false, path, false])
    for (const [name, call] of Object.entries({ ...reading, ...writing })) {
      assert.throws(call, syncError('DATABASE_CLOSED', /closed/), name)
    }
    await assert.rejects(engine.sync(), syncError('DATABASE_CLOSED', /closed/))
    for (const make of [SyncConfigRepository, SyncHistoryRepository, SkillRepository]) {
      assert.throws(() => new make(database).count?.() ?? new make(database).getConfig(), syncError('DATABASE_CLOSED'))
    }
    assert.deepEqual(fingerprint(path), before)
    assert.equal(new SkillRepository(new Database(path)).count(), 1)
  })

  test('closing one leaves the others of the same file open', () => {
    const path = made()
    const [one, two] = [new Database(path), new Database(path)]
    one.close()
    assert.equal(two.open, true)
    new SyncConfigRepository(two).setLastSyncError('still here')
    assert.equal(new SyncConfigRepository(path).getConfig().lastSyncError, 'still here')
    two.close()
  })

  test('many databases opened and closed leave no descriptor behind', { skip: process.platform !== 'linux' }, () => {
    const path = made()
    const descriptors = () => readdirSync('/proc/self/fd').length
    const round = () => {
      const database = new Database(path)
      new SyncHistoryRepository(database).startRun()
      database.close()
    }
    for (let n = 0; n < 5; n++) round()
    const before = descriptors()
    for (let n = 0; n < 50; n++) round()
    assert.ok(descriptors() <= before + 2, `${before} → ${descriptors()}`)
  })
})

describe('what stands for a database', () => {
  const works = (db, path) => {
    const config = new SyncConfigRepository(db)
    const word = `by ${Math.random()}`
    config.setLastSyncError(word)
    const stored = look(path, (other) => other.prepare('SELECT last_sync_error FROM sync_config').pluck().get())
    assert.equal(stored, word)
    const id = new SyncHistoryRepository(db).startRun()
    assert.equal(new SyncHistoryRepository(path).getById(id).status, 'running')
    assert.equal(new SkillRepository(db).exists('a/b'), true)
  }

  test('our Database, a path, a connection of better-sqlite3, the connection of the stack, anything with a name', () => {
    const path = made()
    const host = new BetterSqlite3(path)
    const theirs = stack.openDatabase(path)
    class Wrapper {
      get name() {
        return path
      }
    }
    for (const db of [new Database(path), path, host, theirs, { name: path }, new Wrapper(), { name: path, open: true, readonly: false }]) {
      works(db, path)
    }
    host.close()
    theirs.close()
  })

  test('a link and a relative name lead to the same file', () => {
    const path = made()
    const link = join(folder(), 'link.db')
    symlinkSync(path, link)
    works(new BetterSqlite3(link), path)
    works(new BetterSqlite3(relative(process.cwd(), path)), path)
  })

  test('a relative name after a change of folder is refused, unless a connection has the file, and no new file is made', async () => {
    const [home, elsewhere] = [folder(), folder()]
    const outcome = await inChild(
      `({ sync, BetterSqlite3, args: [elsewhere] }) => {
        const db = new BetterSqlite3('rel.db')
        process.chdir(elsewhere)
        new sync.SyncConfigRepository(db)
        new sync.SyncConfigRepository({ name: 'rel.db' })
      }`,
      { cwd: home, args: [elsewhere] },
    )
    assert.equal(outcome.error?.code, 'INVALID_ARGUMENT')
    assert.match(outcome.error.message, /rel\.db.*absolute path/)
    assert.deepEqual(readdirSync(elsewhere), [])
    assert.equal(new SyncConfigRepository(join(home, 'rel.db')).getConfig().id, 'default')
  })

  test('a connection inside a transaction: calls take part in it, and those of another connection wait in vain', () => {
    const path = made()
    const host = new BetterSqlite3(path)
    host.exec('BEGIN IMMEDIATE')
    host.prepare("INSERT INTO skills (id, name) VALUES ('c/d', 'two')").run()
    const config = new SyncConfigRepository(host)
    assert.equal(new SkillRepository(host).count(), 2)
    assert.equal(new SkillRepository(path).count(), 1)
    assert.throws(() => new SyncConfigRepository(path).disable(), syncError('DATABASE_BUSY'))
    assert.equal(config.disable().enabled, false)
    assert.equal(host.inTransaction, true)
    host.exec('COMMIT')
    assert.equal(new SkillRepository(path).count(), 2)
    assert.equal(host.prepare('SELECT enabled FROM sync_config').pluck().get(), 0)
    host.close()
    assertSound(path)
  })

  test('a connection that reads in a transaction keeps its view of what others write', () => {
    const path = made()
    const host = new BetterSqlite3(path)
    host.exec('BEGIN')
    const error = host.prepare('SELECT last_sync_error FROM sync_config').pluck()
    assert.equal(error.get(), 'as it was')
    new SyncConfigRepository(path).setLastSyncError('new')
    assert.equal(error.get(), 'as it was')
    assert.equal(new SyncConfigRepository(host).getConfig().lastSyncError, 'as it was')
    host.exec('COMMIT')
    assert.equal(error.get(), 'new')
    host.close()
  })

  test('a read-only connection gives repositories that only read', () => {
    const path = made()
    const host = new BetterSqlite3(path, { readonly: true })
    const before = dump(path)
    const { reading, writing } = calls(host)
    for (const call of Object.values(reading)) call()
    for (const [name, call] of Object.entries(writing)) assert.throws(call, syncError('READ_ONLY'), name)
    assert.deepEqual(dump(path), before)
    host.close()
  })

  test('a closed connection is refused, and so is one that is closed later', async () => {
    const path = made()
    const host = new BetterSqlite3(path)
    const { reading, writing, engine } = calls(host)
    host.close()
    const before = dump(path)
    for (const make of [SyncConfigRepository, SyncHistoryRepository, SkillRepository]) {
      assert.throws(() => new make(host), syncError('DATABASE_CLOSED', /closed/))
    }
    for (const [name, call] of Object.entries({ ...reading, ...writing })) assert.throws(call, syncError('DATABASE_CLOSED'), name)
    await assert.rejects(engine.sync(), syncError('DATABASE_CLOSED'))
    const closedFirst = new BetterSqlite3(path)
    closedFirst.close()
    assert.throws(() => new SyncConfigRepository(closedFirst), syncError('DATABASE_CLOSED', /closed/))
    assert.deepEqual(dump(path), before)
  })

  test('an in-memory database of another library cannot be shared, and the error says what can', () => {
    for (const name of [':memory:', '']) {
      const host = new BetterSqlite3(name)
      for (const make of [SyncConfigRepository, SyncHistoryRepository, SkillRepository, (db) => new SyncEngine({ db })]) {
        const call = () => (make.prototype ? new make(host) : make(host))
        assert.throws(call, syncError('INVALID_ARGUMENT', /in-memory database of another library.*new Database\(':memory:'\)/))
      }
      host.close()
    }
  })

  test('a name without a file is refused, and no file is made', () => {
    const path = newPath()
    assert.throws(() => new SyncConfigRepository({ name: path }), syncError('INVALID_ARGUMENT', /file does not exist/))
    assert.equal(existsSync(path), false)
  })

  test('anything else is a TypeError', () => {
    for (const db of [undefined, null, 5, true, [], {}, { name: 5 }, { name: null }, () => {}, Symbol('x'), 5n]) {
      for (const make of [SyncConfigRepository, SyncHistoryRepository, SkillRepository]) {
        assert.throws(() => new make(db), wrongType('db', /a Database, a path, or an object whose name is the path/), String(db?.name))
      }
    }
  })

  test('repositories keep their database alive', async () => {
    const { value } = await inChild(
      `async ({ sync, args: [path] }) => {
        const config = new sync.SyncConfigRepository(new sync.Database(path))
        for (let n = 0; n < 5; n++) { gc(); await new Promise(setImmediate) }
        return config.getConfig().lastSyncError
      }`,
      { args: [made()], flags: ['--expose-gc'] },
    )
    assert.equal(value, 'as it was')
  })
})

describe('beside better-sqlite3 in one process', () => {
  test('neither loses a commit, however they take turns, open and close', async () => {
    const path = strange()
    const rounds = 150
    const third = inChild(
      `({ BetterSqlite3, args: [path, rounds] }) => {
        const db = new BetterSqlite3(path)
        for (let n = 0; n < rounds; n++) db.prepare("INSERT INTO skills (id, name) VALUES ('child/' || ?, 'third')").run(n)
        return db.prepare("SELECT count(*) FROM skills WHERE id LIKE 'child/%'").pluck().get()
      }`,
      { args: [path, rounds] },
    )
    const host = new BetterSqlite3(path)
    const ours = new SyncHistoryRepository(host)
    const insert = host.prepare('INSERT INTO skills (id, name) VALUES (?, ?)')
    const retried = (write) => {
      for (let tries = 0; ; tries++) {
        try {
          return write()
        } catch (error) {
          if (error.code !== 'DATABASE_BUSY' || tries > 200) throw error
        }
      }
    }
    const ids = []
    for (let n = 0; n < rounds; n++) {
      insert.run(`host/${n}`, 'host')
      ids.push(retried(() => ours.startRun()))
      if (n % 10 === 0) {
        const passing = retried(() => new Database(path))
        ids.push(retried(() => new SyncHistoryRepository(passing).startRun()))
        passing.close()
      }
      if (n % 25 === 0) new BetterSqlite3(path).close()
      if (n % 10 === 0) await new Promise(setImmediate)
      assert.equal(host.prepare('SELECT count(*) FROM sync_history').pluck().get(), ids.length)
      assert.equal(new SkillRepository(host).exists(`host/${n}`), true)
    }
    assert.deepEqual(await third, { value: rounds })
    assert.equal(ours.count(), ids.length)
    assert.equal(new SkillRepository(host).count(), 1 + 2 * rounds)
    host.close()
    look(path, (db) => {
      assert.equal(db.prepare("SELECT count(*) FROM skills WHERE id LIKE 'host/%'").pluck().get(), rounds)
      assert.deepEqual(db.prepare('SELECT id FROM sync_history ORDER BY rowid').pluck().all(), ids)
    })
    assertSound(path)
  })

  test("our opening and closing does not drop the host's lock", async () => {
    const path = strange()
    const host = new BetterSqlite3(path)
    host.exec('BEGIN IMMEDIATE')
    host.prepare("INSERT INTO skills (id, name) VALUES ('c/d', 'two')").run()
    const passing = new Database(path)
    new SkillRepository(passing).count()
    passing.close()
    const attempt = `({ BetterSqlite3, args: [path] }) => {
      const db = new BetterSqlite3(path, { timeout: 0 })
      db.exec('BEGIN IMMEDIATE')
      db.exec('ROLLBACK')
      return 'it got the lock'
    }`
    assert.equal((await inChild(attempt, { args: [path] })).error?.code, 'SQLITE_BUSY')
    host.exec('COMMIT')
    assert.deepEqual(await inChild(attempt, { args: [path] }), { value: 'it got the lock' })
    host.close()
    assertSound(path)
  })

  test('a write while the host holds the write lock fails soon, as busy, and changes nothing', () => {
    const path = strange()
    const host = new BetterSqlite3(path)
    // Not of the host's connection, in whose transaction they would take part.
    const { reading, writing } = calls(new Database(path))
    const before = dump(path)
    host.exec('BEGIN IMMEDIATE')
    for (const [name, call] of Object.entries(writing)) {
      const start = performance.now()
      assert.throws(
        call,
        (error) => {
          assertSyncError(error, 'DATABASE_BUSY', /busy/)
          assert.equal(error.retryable, true)
          return true
        },
        name,
      )
      // 100 ms are promised; SQLite's usual 5 s would freeze the host.
      assert.ok(performance.now() - start < 2500, `${name} waited for ${performance.now() - start} ms`)
    }
    for (const call of Object.values(reading)) call()
    host.exec('ROLLBACK')
    assert.deepEqual(dump(path), before)
    writing.startRun()
    assert.equal(reading.historyCount(), 1)
    host.close()
  })

  test("the host's writes wait for nothing of ours that is idle", () => {
    const path = strange()
    const { reading } = calls(path)
    for (const call of Object.values(reading)) call()
    const host = new BetterSqlite3(path, { timeout: 0 })
    host.prepare("INSERT INTO skills (id, name) VALUES ('c/d', 'two')").run()
    host.pragma('wal_checkpoint(TRUNCATE)')
    assert.equal(reading.count(), 2)
    host.close()
  })
})

describe('what is refused stays as it is', () => {
  /** Opening fails with that code in each way, and the folder is as it was. */
  function refused(path, code, text) {
    const place = join(path, '..')
    const all = () =>
      readdirSync(place).map((name) => [name, statSync(join(place, name)).isFile() ? fingerprint(join(place, name)) : 'no file'])
    const before = all()
    for (const open of [
      () => new Database(path),
      () => new Database(path, { readonly: true }),
      () => new SyncConfigRepository(path),
      () => new SyncHistoryRepository({ name: path }),
      () => new SkillRepository(path),
      () => new SyncEngine({ db: path }),
    ]) {
      assert.throws(open, syncError(code, text), String(open))
    }
    assert.deepEqual(all(), before)
  }

  test('a text file', () => {
    const path = newPath()
    writeFileSync(path, 'Dear diary, today I was mistaken for a database.\n'.repeat(100))
    refused(path, 'NOT_A_DATABASE', /skills\.db is not a database.*left as it is/)
  })

  for (const size of [1, 100, 511, 512, 4096]) {
    test(`${size} bytes of noise`, () => {
      const path = newPath()
      writeFileSync(path, Buffer.alloc(size, 0x5a))
      refused(path, 'NOT_A_DATABASE', /is not a database/)
    })
  }

  test('a database whose first bytes were overwritten', () => {
    const path = made()
    overwrite(path, 0, Buffer.from('SQLite format 4\0'))
    refused(path, 'NOT_A_DATABASE')
  })

  test('a database whose schema is damaged', () => {
    const path = made()
    overwrite(path, 100, Buffer.alloc(400, 0xff))
    refused(path, 'DATABASE_DAMAGED', /skills\.db is damaged.*left as it is/)
  })

  test('a database that was cut off', () => {
    const path = made()
    truncateSync(path, 4096 + 100)
    refused(path, 'DATABASE_DAMAGED')
  })

  test('a damaged database of the first version is not upgraded', () => {
    const path = made()
    const db = new BetterSqlite3(path)
    const insert = db.prepare("INSERT INTO skills (id, name, description) VALUES (?, 'n', ?)")
    for (let n = 0; n < 200; n++) insert.run(`x/${n}`, 'x'.repeat(500))
    db.exec('DROP TABLE sync_config; DROP TABLE sync_history; DELETE FROM schema_version WHERE version > 1')
    db.pragma('journal_mode = DELETE')
    const page = db.prepare("SELECT pageno FROM dbstat WHERE name = 'skills' AND pagetype = 'leaf' LIMIT 1").pluck()
    const size = db.pragma('page_size', { simple: true })
    const at = page.get()
    db.close()
    overwrite(path, (at - 1) * size, Buffer.alloc(size, 0xee))
    // Read-only it is refused for what it lacks before it is searched for damage.
    const before = fingerprint(path)
    assert.throws(() => new Database(path), syncError('DATABASE_DAMAGED'))
    assert.deepEqual(fingerprint(path), before)
  })

  test('the database of another program', () => {
    const path = newPath()
    const db = new BetterSqlite3(path)
    db.exec("CREATE TABLE bookmarks (url TEXT); INSERT INTO bookmarks VALUES ('https://example.org')")
    db.close()
    refused(path, 'NOT_SKILLSMITH', /is not a Skillsmith database/)
  })

  test('a folder', () => {
    const path = join(folder(), 'skills.db')
    mkdirSync(path)
    refused(path, 'INVALID_ARGUMENT', /is a folder/)
  })

  test('an empty path', () => {
    for (const open of [() => new Database(''), () => new SyncConfigRepository('')]) {
      assert.throws(open, syncError('INVALID_ARGUMENT', /path is empty/))
    }
  })

  test('a path below a file', () => {
    const path = made()
    const before = fingerprint(path)
    assert.throws(
      () => new Database(join(path, 'skills.db')),
      (error) => {
        assertSyncError(error, error.code)
        assert.ok(['IO_ERROR', 'PERMISSION_DENIED'].includes(error.code), error.code)
        return true
      },
    )
    assert.deepEqual(fingerprint(path), before)
  })

  describe('for want of permission', { skip: process.platform === 'win32' }, () => {
    const open = '({ sync, args: [path, options] }) => { new sync.Database(path, options).close(); return "opened" }'
    const asNobody = true

    test('a folder that may not be written', async () => {
      const place = folder()
      chmodSync(place, 0o555)
      const { error } = await inChild(open, { args: [join(place, 'skills.db')], asNobody })
      assert.deepEqual([error?.name, error?.code, error?.retryable], ['SkillsmithSyncError', 'PERMISSION_DENIED', false])
      assert.match(error.message, /No permission to create .*skills\.db/)
      const below = await inChild(open, { args: [join(place, 'new/skills.db')], asNobody })
      assert.equal(below.error?.code, 'PERMISSION_DENIED')
      assert.deepEqual(readdirSync(place), [])
    })

    test('a file that may not be read', async () => {
      const path = made()
      chmodSync(join(path, '..'), 0o755)
      chmodSync(path, 0o000)
      const before = fingerprint(path)
      for (const options of [{}, { readonly: true }]) {
        const { error } = await inChild(open, { args: [path, options], asNobody })
        assert.equal(error?.code, 'PERMISSION_DENIED')
        assert.match(error.message, /No permission to open .*skills\.db/)
      }
      assert.deepEqual(fingerprint(path), before)
    })

    test('a file that may not be written', async () => {
      const path = made()
      const db = new BetterSqlite3(path)
      db.pragma('journal_mode = DELETE')
      db.close()
      chmodSync(join(path, '..'), 0o755)
      chmodSync(path, 0o444)
      const before = fingerprint(path)
      const { error } = await inChild(open, { args: [path], asNobody })
      assert.equal(error?.code, 'PERMISSION_DENIED')
      assert.match(error.message, /No permission to write .*skills\.db/)
      assert.deepEqual(await inChild(open, { args: [path, { readonly: true }], asNobody }), { value: 'opened' })
      assert.deepEqual(fingerprint(path), before)
    })
  })

  function overwrite(path, position, bytes) {
    const file = openSync(path, 'r+')
    writeSync(file, bytes, 0, bytes.length, position)
    closeSync(file)
  }
})

test('damage that is met later has its code, and the rest still works', () => {
  const path = made()
  const db = new BetterSqlite3(path)
  const insert = db.prepare("INSERT INTO skills (id, name, description) VALUES (?, 'n', ?)")
  for (let n = 0; n < 200; n++) insert.run(`x/${n}`, 'x'.repeat(500))
  const page = db
    .prepare("SELECT pageno FROM dbstat WHERE name = 'skills' AND pagetype = 'leaf' ORDER BY pageno DESC LIMIT 1")
    .pluck()
    .get()
  const size = db.pragma('page_size', { simple: true })
  db.close()
  const file = openSync(path, 'r+')
  writeSync(file, Buffer.alloc(size, 0xee), 0, size, (page - 1) * size)
  closeSync(file)
  const database = new Database(path)
  const skills = new SkillRepository(database)
  const codes = new Set()
  for (let n = 0; n < 200; n++) {
    try {
      skills.findById(`x/${n}`)
    } catch (error) {
      assertSyncError(error, error.code, /skills\.db is damaged/)
      codes.add(error.code)
    }
  }
  assert.deepEqual([...codes], ['DATABASE_DAMAGED'])
  assert.equal(new SyncConfigRepository(database).getConfig().lastSyncError, 'as it was')
  database.close()
})

test('a value that is not UTF-8 is a path as it is, or an error', () => {
  const home = folder()
  // Only a shell can pass such a value: here strings are UTF-16.
  const run = (assignment, body) => {
    const script = `const sync = require(${JSON.stringify(join(ROOT, 'npm'))}); ${body}`
    const shell = `export ${assignment}; exec "$0" -e "$1"`
    const env = { PATH: process.env.PATH, HOME: home }
    return execFileSync('/bin/sh', ['-c', shell, process.execPath, script], { env, cwd: home, encoding: 'utf8' })
  }
  run(`SKILLSMITH_DB_PATH="$HOME/$(printf 'caf\\351.db')"`, 'new sync.Database()')
  const names = readdirSync(home, { encoding: 'buffer' }).filter((name) => name.toString('latin1').endsWith('.db'))
  assert.deepEqual(names, [Buffer.from('caf\xe9.db', 'latin1')])
  run("SKILLSMITH_DB_PATH='~/tilde.db'", 'new sync.Database()')
  assert.ok(existsSync(join(home, 'tilde.db')))
  const told = run(
    `SKILLSMITH_API_URL="$(printf 'http://caf\\351')"`,
    'try { new sync.SkillsmithApiClient() } catch (error) { process.stdout.write(`${error.code}: ${error.message}`) }',
  )
  assert.match(told, /^INVALID_ARGUMENT: The value of SKILLSMITH_API_URL is not valid UTF-8/)
})
