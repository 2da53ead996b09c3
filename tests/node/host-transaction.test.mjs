// Repository calls inside the transaction of the host's own connection, or while that has the file to itself.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { look } from './support/database.mjs'
import { syncError } from './support/errors.mjs'
import { BetterSqlite3, folder, newPath, ROOT, sync } from './support/index.mjs'
import { OTHER_RUNTIMES, resultOf } from './support/runtimes.mjs'
import * as stack from './support/stack.mjs'

const { Database, SkillRepository, SyncConfigRepository, SyncEngine, SyncHistoryRepository } = sync
const COUNTS = { skillsAdded: 1, skillsUpdated: 2, skillsUnchanged: 3 }
const apiClient = { isOffline: () => false, checkHealth: () => ({ status: 'healthy' }), search: () => ({ data: [] }) }

/** Our repositories, or the stack's, on the same connection of better-sqlite3. */
function scene(classes = sync, path = newPath(), options = {}) {
  if (!options.readonly && !options.isThere) new Database(path).close()
  const db = new BetterSqlite3(path, { readonly: options.readonly ?? false })
  return {
    path,
    db,
    config: new classes.SyncConfigRepository(db),
    history: new classes.SyncHistoryRepository(db),
    skills: new classes.SkillRepository(db),
  }
}

/** What another connection sees. */
const outside = (path, sql) => look(path, (db) => db.prepare(sql).pluck().get())

/** Each call that writes, and a query that tells whether it has. */
const WRITES = {
  updateConfig: [({ config }) => config.updateConfig({ enabled: false, frequency: 'weekly' }), 'SELECT frequency FROM sync_config'],
  enable: [({ config }) => config.enable(), 'SELECT enabled FROM sync_config'],
  disable: [({ config }) => config.disable(), 'SELECT enabled FROM sync_config'],
  setFrequency: [({ config }) => config.setFrequency('weekly'), 'SELECT interval_ms FROM sync_config'],
  setLastSync: [({ config }) => config.setLastSync('2026-01-31T08:00:00.000Z', 5), 'SELECT next_sync_at FROM sync_config'],
  setLastSyncError: [({ config }) => config.setLastSyncError('no « network » \u{1f4a5}'), 'SELECT last_sync_error FROM sync_config'],
  clearError: [({ config }) => config.clearError(), 'SELECT last_sync_error FROM sync_config'],
  setRequestBudget: [({ config }) => config.setRequestBudget(7), "SELECT value FROM sync_state WHERE key = 'request_budget'"],
  startRun: [({ history }) => history.startRun(), "SELECT count(*) FROM sync_history WHERE status = 'running'"],
  completeRun: [({ history, run }) => history.completeRun(run, COUNTS), 'SELECT max(skills_unchanged) FROM sync_history'],
  completeRunPartial: [
    ({ history, run }) => history.completeRunPartial(run, COUNTS, 'half'),
    "SELECT error_message FROM sync_history WHERE id = 'sync-20260131080000-abcdef'",
  ],
  failRun: [({ history, run }) => history.failRun(run, 'no'), "SELECT status FROM sync_history WHERE id = 'sync-20260131080000-abcdef'"],
  cleanup: [({ history }) => history.cleanup(1), 'SELECT count(*) FROM sync_history'],
}

/** Before it, in each database. */
function prepared(classes) {
  const one = scene(classes)
  const run = 'sync-20260131080000-abcdef'
  one.db.exec(`
    UPDATE sync_config SET last_sync_error = 'old';
    INSERT INTO sync_history (id, started_at) VALUES ('${run}', '2026-01-31T08:00:00.000Z');
  `)
  return { ...one, run }
}

describe('a call that writes takes part in the transaction', () => {
  for (const [name, [write, seen]] of Object.entries(WRITES)) {
    test(name, () => {
      const one = prepared()
      if (name === 'enable') one.config.disable()
      const before = outside(one.path, seen)
      assert.throws(
        one.db.transaction(() => {
          write(one)
          assert.notDeepEqual(one.db.prepare(seen).pluck().get(), before, 'the transaction sees it')
          assert.deepEqual(outside(one.path, seen), before, 'nobody else does')
          throw new Error('roll back')
        }),
        /roll back/,
      )
      assert.deepEqual(outside(one.path, seen), before)
      one.db.transaction(() => write(one))()
      assert.notDeepEqual(outside(one.path, seen), before)
      one.db.close()
    })
  }

  test('every public method is among these or among those that read', () => {
    const of = (Class) => Object.getOwnPropertyNames(Class.prototype).filter((name) => !['constructor', 'close'].includes(name))
    const all = [SyncConfigRepository, SyncHistoryRepository, SkillRepository].flatMap(of)
    const known = [...Object.keys(WRITES), ...Object.keys(READS), 'calculateNextSync']
    assert.deepEqual([...new Set(all)].sort(), [...new Set(known)].sort())
  })
})

/** Each call that reads, over rows that are not committed yet. */
const READS = {
  getConfig: ({ config }) => config.getConfig().lastSyncCount,
  isSyncDue: ({ config }) => config.isSyncDue(),
  getRequestBudget: ({ config }) => config.getRequestBudget(),
  getById: ({ history }) => history.getById('sync-20260101000000-zzzzzz')?.durationMs ?? null,
  getHistory: ({ history }) => history.getHistory().length,
  getLastSuccessful: ({ history }) => history.getLastSuccessful()?.skillsAdded ?? null,
  getRunning: ({ history }) => history.getRunning().length,
  isRunning: ({ history }) => history.isRunning(),
  getStats: ({ history }) => history.getStats().averageDurationMs,
  findById: ({ skills }) => skills.findById('a/b')?.qualityScore ?? null,
  exists: ({ skills }) => skills.exists('a/b'),
  count: ({ skills, history }) => [skills.count(), history.count()],
  get: ({ skills }) => skills.get('a/b')?.categories ?? null,
  search: ({ skills }) => skills.search('bee', { minScore: 0.2, limit: 3 }).matches.map(({ id, rank, snippet }) => [id, rank > 0, snippet]),
  list: ({ skills }) => skills.list({ after: 'a', minScore: 0.2 }).skills.map(({ id }) => id),
  iterate: ({ skills }) => [...skills.iterate({ limit: 1 })].map(({ id }) => id),
  freshness: ({ skills }) => skills.freshness().isEmpty,
}

const UNCOMMITTED = `
  UPDATE sync_config SET last_sync_count = 41, last_sync_at = '2026-01-31T08:00:00.000Z', next_sync_at = '9999-01-01T00:00:00.000Z';
  INSERT INTO sync_state (key, value) VALUES ('request_budget', '9');
  INSERT INTO sync_history (id, started_at, completed_at, status, skills_added, duration_ms)
    VALUES ('sync-20260101000000-zzzzzz', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:01.000Z', 'success', 3, 1000);
  INSERT INTO sync_history (id, started_at) VALUES ('sync-20260101000000-running', '2026-01-01T00:00:00.000Z');
  INSERT INTO skills (id, name, quality_score, tags) VALUES ('a/b', 'Bee', 0.25, '["x"]');
  INSERT INTO categories (id, name) VALUES ('c', 'C');
  INSERT INTO skill_categories (skill_id, category_id) VALUES ('a/b', 'c');
`

describe('a call that reads sees what the transaction has not committed', () => {
  for (const [name, read] of Object.entries(READS)) {
    test(name, () => {
      const one = scene()
      const before = read(one)
      one.db.exec('BEGIN')
      one.db.exec(UNCOMMITTED)
      const inside = read(one)
      assert.notDeepEqual(inside, before)
      one.db.exec('ROLLBACK')
      assert.deepEqual(read(one), before)
      one.db.exec(`BEGIN; ${UNCOMMITTED} COMMIT`)
      assert.deepEqual(read(one), inside, 'our own connection reads the same from the same rows')
      one.db.close()
    })
  }

  test('and leaves a transaction that only reads as one', () => {
    const { db, path, config, history } = scene()
    db.exec("UPDATE sync_config SET last_sync_at = '2026-01-31T08:00:00.000Z', next_sync_at = NULL")
    db.exec('BEGIN')
    config.isSyncDue()
    history.getRunning()
    new SyncEngine({ db, apiClient }).getStatus()
    const other = new BetterSqlite3(path, { timeout: 0 })
    other.exec('BEGIN IMMEDIATE; COMMIT')
    other.close()
    db.exec('COMMIT')
    db.close()
  })
})

test('every kind of value is read there as on a connection of ours', () => {
  const { db, config, history, skills } = scene()
  db.exec(`
    PRAGMA ignore_check_constraints = ON;
    UPDATE sync_config SET last_sync_count = 1.5, enabled = 1.0, interval_ms = 9007199254740993, last_sync_error = x'ff31';
    INSERT INTO sync_history (id, started_at, duration_ms, skills_added, error_message) VALUES
      ('one', 2026, '12.7', 9007199254740993, CAST(x'ff31' AS TEXT)), (x'6162', x'6162', 'many', -1.5, 0.1);
    INSERT INTO skills (id, name, quality_score, risk_score, tags, security_passed) VALUES ('a/b', 'B "\\', 1, 7, 'none', 0);
  `)
  const read = () => [config.getConfig(), history.getHistory(), history.getStats(), skills.findById('a/b')]
  const ours = read()
  db.defaultSafeIntegers(true)
  db.exec('BEGIN')
  const theirs = read()
  db.exec('COMMIT')
  assert.deepEqual(theirs, ours)
  db.close()
})

describe('transactions in transactions', () => {
  test('a call takes part in the innermost', () => {
    const { db, path, config } = scene()
    const inner = db.transaction(() => {
      config.setLastSyncError('inner')
      throw new Error('roll back')
    })
    const outer = db.transaction(() => {
      config.setFrequency('weekly')
      assert.throws(inner, /roll back/)
      assert.deepEqual([config.getConfig().frequency, config.getConfig().lastSyncError], ['weekly', null])
    })
    outer()
    assert.deepEqual(
      look(path, (other) => other.prepare('SELECT frequency, last_sync_error FROM sync_config').raw().get()),
      ['weekly', null],
    )
    db.close()
  })

  test('a call that fails undoes itself alone', () => {
    const { db, path, config, history } = scene()
    db.transaction(() => {
      config.disable()
      assert.throws(() => history.completeRun('sync-none', COUNTS), syncError('RUN_NOT_FOUND', /Sync run not found: sync-none/))
      assert.equal(db.inTransaction, true)
    })()
    assert.equal(outside(path, 'SELECT enabled FROM sync_config'), 0)
    db.close()
  })

  test('a trigger that refuses a call is told with the error of the library of the host', () => {
    const { db, path, config } = scene()
    db.exec("CREATE TRIGGER no BEFORE UPDATE ON sync_config WHEN new.enabled = 0 BEGIN SELECT raise(ABORT, 'never off'); END")
    db.transaction(() => {
      config.setLastSyncError('kept')
      assert.throws(
        () => config.disable(),
        (error) => {
          syncError('DATABASE_ERROR', /never off/)(error)
          return error.cause?.code === 'SQLITE_CONSTRAINT_TRIGGER'
        },
      )
    })()
    assert.equal(outside(path, 'SELECT last_sync_error FROM sync_config'), 'kept')
    db.exec("DROP TRIGGER no; CREATE TRIGGER no BEFORE UPDATE ON sync_config BEGIN SELECT raise(ROLLBACK, 'all undone'); END")
    db.exec('BEGIN')
    assert.throws(() => config.enable(), syncError('DATABASE_ERROR', /all undone/))
    assert.equal(db.inTransaction, false)
    db.close()
  })

  test('an SQL function of the host may call a repository of another database', () => {
    const one = scene()
    const two = scene()
    two.config.disable()
    one.db.function('other_is_on', () => (two.config.getConfig().enabled ? 1 : 0))
    one.db.exec('CREATE TRIGGER look AFTER UPDATE ON sync_config BEGIN UPDATE sync_config SET last_sync_count = 10 + other_is_on(); END')
    one.db.transaction(() => one.config.setLastSyncError('x'))()
    assert.equal(outside(one.path, 'SELECT last_sync_count FROM sync_config'), 10)
    one.db.close()
    two.db.close()
  })
})

test('a repository may be made inside a transaction, without a wait, and used after it', () => {
  const path = newPath()
  new Database(path).close()
  const db = new BetterSqlite3(path)
  db.pragma('journal_mode = DELETE')
  db.exec('BEGIN EXCLUSIVE')
  const [config, history, skills] = [SyncConfigRepository, SyncHistoryRepository, SkillRepository].map((Class) => new Class(db))
  new SyncEngine(apiClient, skills, config, history)
  config.disable()
  history.startRun()
  assert.equal(skills.count(), 0)
  db.exec('COMMIT')
  assert.equal(config.getConfig().enabled, false)
  assert.equal(history.count(), 1)
  assert.equal(outside(path, 'SELECT count(*) FROM sync_history'), 1)
  db.close()
})

test('a connection that has the file to itself is used outside of transactions too', () => {
  for (const mode of ['wal', 'delete']) {
    const path = newPath()
    new Database(path).close()
    const db = new BetterSqlite3(path)
    db.pragma(`journal_mode = ${mode}`)
    db.pragma('locking_mode = EXCLUSIVE')
    db.exec("UPDATE sync_config SET last_sync_error = 'x'")
    const [config, history] = [new SyncConfigRepository(db), new SyncHistoryRepository(db)]
    assert.equal(config.getConfig().lastSyncError, 'x')
    assert.equal(config.disable().enabled, false)
    const run = history.startRun()
    history.completeRun(run, COUNTS)
    assert.equal(history.getStats().successfulRuns, 1)
    assert.equal(db.inTransaction, false, 'each call is committed')
    assert.throws(() => db.transaction(() => (config.enable(), assert.fail('roll back')))(), /roll back/)
    assert.equal(config.getConfig().enabled, false)
    db.close()
    assert.equal(outside(path, 'SELECT status FROM sync_history'), 'success')
  }
})

test('a connection that wants the file to itself after our first calls gets it', async () => {
  for (const mode of ['wal', 'delete']) {
    const { db, path, config, history, skills } = scene()
    db.pragma(`journal_mode = ${mode}`)
    const engine = new SyncEngine(apiClient, skills, config, history)
    assert.equal(config.disable().enabled, false)
    assert.equal((await engine.sync()).success, true)
    engine.getStatus()
    assert.equal(history.count(), 1)
    db.pragma('locking_mode = EXCLUSIVE')
    db.exec("UPDATE sync_config SET last_sync_error = 'x'")
    assert.equal(config.getConfig().lastSyncError, 'x')
    assert.equal(config.enable().enabled, true)
    history.failRun(history.startRun(), 'no')
    db.exec("UPDATE sync_config SET last_sync_error = 'y'")
    assert.deepEqual([history.count(), engine.getStatus().config.lastSyncError], [2, 'y'])
    // And gives it back, as SQLite does: with its next access.
    db.pragma('locking_mode = NORMAL')
    db.prepare('SELECT count(*) FROM skills').get()
    assert.equal(config.disable().enabled, false)
    assert.equal(outside(path, 'SELECT enabled FROM sync_config'), 0)
    db.close()
  }
})

test('a closed connection is refused as before', () => {
  const { db, config } = scene()
  db.exec('BEGIN')
  config.disable()
  db.close()
  assert.throws(() => config.getConfig(), syncError('DATABASE_CLOSED'))
  assert.throws(() => new SyncConfigRepository(db), syncError('DATABASE_CLOSED'))
})

test('a closed repository stays closed in a transaction', () => {
  const { db, config } = scene()
  config.close()
  db.transaction(() => assert.throws(() => config.getConfig(), syncError('DATABASE_CLOSED', /repository is closed/)))()
  db.close()
})

test('a connection that only reads reads in its transaction, and refuses to write', () => {
  const path = newPath()
  new Database(path).close()
  const { db, config, skills } = scene(sync, path, { readonly: true })
  db.transaction(() => {
    const before = skills.count()
    look(path, () => {})
    new SyncConfigRepository(path).disable()
    assert.equal(config.getConfig().enabled, true, 'the snapshot of the transaction')
    assert.equal(skills.count(), before)
    assert.throws(() => config.enable(), syncError('READ_ONLY'))
  })()
  assert.equal(config.getConfig().enabled, false)
  db.close()
})

test('what a sync needs and an older version has not is made in the transaction, and undone with it', () => {
  for (const fixture of ['v1', 'v2', 'v4_without_sync_tables', 'v0_no_schema_version']) {
    const path = newPath()
    const db = new BetterSqlite3(path)
    db.exec(readFileSync(join(ROOT, `tests/fixtures/${fixture}.sql`), 'utf8'))
    const tables = () => outside(path, "SELECT count(*) FROM sqlite_master WHERE name LIKE 'sync_%'")
    const config = new SyncConfigRepository(db)
    const history = new SyncHistoryRepository(db)
    assert.throws(
      db.transaction(() => {
        assert.equal(config.getConfig().enabled, true)
        assert.equal(history.count(), 0)
        assert.equal(config.disable().enabled, false)
        throw new Error('roll back')
      }),
      /roll back/,
    )
    assert.equal(tables(), 0, fixture)
    db.transaction(() => history.failRun(history.startRun(), 'x'))()
    assert.ok(tables() >= 3, fixture)
    assert.equal(config.getConfig().enabled, true)
    assert.equal(history.getHistory()[0].errorMessage, 'x')
    db.close()
  }
})

test('a file of another program is refused in a transaction too', () => {
  const path = newPath()
  const db = new BetterSqlite3(path)
  db.exec('BEGIN')
  db.exec('CREATE TABLE notes (text)')
  const config = new SyncConfigRepository(db)
  assert.throws(() => config.disable(), syncError('NOT_SKILLSMITH'))
  db.exec('COMMIT')
  assert.throws(() => config.getConfig(), syncError('NOT_SKILLSMITH'))
  assert.equal(outside(path, 'SELECT count(*) FROM sqlite_master'), 1)
  db.close()
})

test('the classes of the stack leave the same in the same transactions', () => {
  const steps = ({ db, config, history, skills }) => {
    const told = []
    const inner = db.transaction((fails) => {
      const run = history.startRun()
      history.completeRunPartial(run, COUNTS, 'half')
      told.push(history.count(), config.getConfig().frequency, skills.exists('a/b'))
      if (fails) throw new Error('roll back')
    })
    db.transaction(() => {
      config.updateConfig({ frequency: 'weekly', enabled: false })
      config.setLastSync('2026-01-31T08:00:00.000Z', 5)
      config.setLastSyncError('later')
      inner(false)
      assert.throws(() => inner(true), /roll back/)
      told.push(history.getHistory().map(({ status, skillsAdded, errorMessage }) => [status, skillsAdded, errorMessage]))
      told.push(history.getStats().totalRuns, history.isRunning())
    })()
    const rows = db
      .prepare('SELECT enabled, frequency, interval_ms, last_sync_at, next_sync_at, last_sync_count, last_sync_error FROM sync_config')
      .all()
    return [told, rows, db.prepare('SELECT count(*) FROM sync_history').pluck().get()]
  }
  const [ours, theirs] = [steps(scene()), steps(scene(stack))]
  assert.deepEqual(ours, theirs)
})

describe('connections of the runtime', () => {
  // Rows as arrays are an option of node:sqlite from Node 22.16 on.
  for (const [name, driver] of [
    ['Node 22', 'node:sqlite'],
    ['Node 24', 'node:sqlite'],
    ['Node 26', 'node:sqlite'],
    ['Bun', 'bun:sqlite'],
  ]) {
    const start = OTHER_RUNTIMES[name]
    test(`${driver} of ${name}`, { skip: !start && 'not installed on this platform' }, async () => {
      const paths = [newPath(), newPath()]
      for (const path of paths) new Database(path).close()
      const told = await resultOf(start('transaction.mjs', [driver, ...paths], folder()))
      assert.deepEqual(told, {
        rolledBack: [false, 'weekly', 1, 'half'],
        afterRollback: [true, 'daily', 0],
        committed: [false, 'weekly', 1, 'half'],
        exclusive: [3, 0, false],
        refused: 'RUN_NOT_FOUND',
      })
    })
  }
})
