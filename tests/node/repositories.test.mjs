// The three repositories, method by method, against contract.md §3; and against the classes of the TypeScript stack on
// the same rows.

import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { describe, test } from 'node:test'

import { dump, look } from './support/database.mjs'
import { syncError } from './support/errors.mjs'
import { BetterSqlite3, newPath, sync } from './support/index.mjs'
import * as stack from './support/stack.mjs'

const DAY = 86_400_000
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const SQLITE_TIME = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/
const RUN_ID = /^sync-\d{14}-[a-z0-9]{6}$/
const COUNTS = { skillsAdded: 1, skillsUpdated: 2, skillsUnchanged: 3 }

/** Our repositories on a new database, and SQL beside them. */
function scene() {
  const path = newPath()
  const database = new sync.Database(path)
  return {
    path,
    database,
    config: new sync.SyncConfigRepository(database),
    history: new sync.SyncHistoryRepository(database),
    skills: new sync.SkillRepository(database),
    /** Runs SQL in a connection of better-sqlite3 of its own. */
    sql(text, ...values) {
      const db = new BetterSqlite3(path)
      try {
        return db.prepare(text).run(...values)
      } finally {
        db.close()
      }
    },
  }
}

const at = (msFromNow) => new Date(Date.now() + msFromNow).toISOString()

describe('the package', () => {
  test('has every name of the contract', () => {
    const names = [
      'BackgroundSyncService',
      'Database',
      'FREQUENCY_INTERVALS',
      'SkillRepository',
      'SkillsmithApiClient',
      'SkillsmithSyncError',
      'SyncConfigRepository',
      'SyncEngine',
      'SyncHistoryRepository',
      'createApiClient',
      'createBackgroundSyncService',
      'startBackgroundSync',
      'version',
    ]
    assert.deepEqual(Object.keys(sync).sort(), names)
    assert.match(sync.version, /^\d+\.\d+\.\d+/)
  })

  test('FREQUENCY_INTERVALS are those of the specification, for ever', () => {
    assert.deepEqual({ ...sync.FREQUENCY_INTERVALS }, { daily: 86400000, weekly: 604800000 })
    assert.throws(() => {
      sync.FREQUENCY_INTERVALS.daily = 1
    }, TypeError)
  })
})

describe('SyncConfigRepository', () => {
  test('getConfig of a new database has the defaults, and exactly the keys of the contract', () => {
    const { config } = scene()
    const { createdAt, updatedAt, ...rest } = config.getConfig()
    assert.deepEqual(rest, {
      id: 'default',
      enabled: true,
      frequency: 'daily',
      intervalMs: DAY,
      lastSyncAt: null,
      nextSyncAt: null,
      lastSyncCount: 0,
      lastSyncError: null,
    })
    assert.match(createdAt, SQLITE_TIME)
    assert.match(updatedAt, SQLITE_TIME)
  })

  test('updateConfig changes what it names, and returns the result', () => {
    const { config } = scene()
    const before = config.getConfig()
    const off = config.updateConfig({ enabled: false })
    assert.deepEqual(off, { ...before, enabled: false, updatedAt: off.updatedAt })
    const weekly = config.updateConfig({ frequency: 'weekly' })
    assert.deepEqual(weekly, { ...off, frequency: 'weekly', intervalMs: 7 * DAY, updatedAt: weekly.updatedAt })
    const both = config.updateConfig({ enabled: true, frequency: 'daily' })
    assert.deepEqual(both, { ...before, updatedAt: both.updatedAt })
    assert.deepEqual(config.getConfig(), both)
  })

  test('updateConfig leaves everything where it names nothing', () => {
    const { config, path } = scene()
    const before = dump(path)
    for (const nothing of [{}, { enabled: undefined }, { frequency: undefined, enabled: undefined }, { other: 5 }]) {
      assert.deepEqual(config.updateConfig(nothing), config.getConfig())
    }
    assert.deepEqual(dump(path), before)
  })

  test('a change moves updatedAt', () => {
    const { config, sql } = scene()
    for (const change of [
      () => config.disable(),
      () => config.setFrequency('weekly'),
      () => config.setLastSync('2026-01-01T00:00:00.000Z', 1),
      () => config.setLastSyncError('no'),
      () => config.clearError(),
    ]) {
      sql("UPDATE sync_config SET updated_at = '2001-01-01 00:00:00'")
      change()
      assert.notEqual(config.getConfig().updatedAt, '2001-01-01 00:00:00', String(change))
    }
  })

  test('setLastSync keeps the time as given, schedules the next, and clears the error', () => {
    const { config } = scene()
    config.setLastSyncError('it was raining')
    assert.equal(config.setLastSync('2026-01-31T08:00:00.000Z', 42), undefined)
    const { createdAt, updatedAt, ...rest } = config.getConfig()
    assert.deepEqual(rest, {
      id: 'default',
      enabled: true,
      frequency: 'daily',
      intervalMs: DAY,
      lastSyncAt: '2026-01-31T08:00:00.000Z',
      nextSyncAt: '2026-02-01T08:00:00.000Z',
      lastSyncCount: 42,
      lastSyncError: null,
    })
    config.setFrequency('weekly')
    config.setLastSync('2026-01-31T10:00:00+02:00', Number.MAX_SAFE_INTEGER)
    const weekly = config.getConfig()
    assert.equal(weekly.lastSyncAt, '2026-01-31T10:00:00+02:00')
    assert.equal(weekly.nextSyncAt, '2026-02-07T08:00:00.000Z')
    assert.equal(weekly.lastSyncCount, Number.MAX_SAFE_INTEGER)
  })

  test('setLastSyncError and clearError touch the error only', () => {
    const { config } = scene()
    config.setLastSync('2026-01-31T08:00:00.000Z', 42)
    const before = config.getConfig()
    for (const text of ['Network down', '', 'née 日本 🦀\n\t"quoted\'', 'x'.repeat(100_000)]) {
      assert.equal(config.setLastSyncError(text), undefined)
      const after = config.getConfig()
      assert.deepEqual(after, { ...before, lastSyncError: text, updatedAt: after.updatedAt })
    }
    assert.equal(config.clearError(), undefined)
    assert.equal(config.getConfig().lastSyncError, null)
  })

  test('calculateNextSync adds to any ISO 8601 time, and writes milliseconds and Z', () => {
    const { config } = scene()
    for (const [from, interval, expected] of [
      ['2026-01-31T08:00:00.000Z', DAY, '2026-02-01T08:00:00.000Z'],
      ['2026-01-31T08:00:00Z', 0, '2026-01-31T08:00:00.000Z'],
      ['2026-01-31T08:00:00.123456+01:00', 1, '2026-01-31T07:00:00.124Z'],
      ['2023-12-31T23:59:59.999Z', 1, '2024-01-01T00:00:00.000Z'],
      ['2024-02-28T12:00:00.000Z', DAY, '2024-02-29T12:00:00.000Z'],
      ['2026-01-01T00:00:00.000Z', 7 * DAY, '2026-01-08T00:00:00.000Z'],
    ]) {
      assert.equal(config.calculateNextSync(from, interval), expected, from)
    }
  })

  test('calculateNextSync takes the shorter forms of ISO 8601, as the TypeScript class does', () => {
    const { config } = scene()
    for (const [from, expected] of [
      ['2026-01-31', '2026-02-01T00:00:00.000Z'],
      ['2026-01-31T08:00Z', '2026-02-01T08:00:00.000Z'],
      ['2026-01-31T08:00:00+0100', '2026-02-01T07:00:00.000Z'],
    ]) {
      assert.equal(config.calculateNextSync(from, DAY), expected, from)
    }
  })

  test('isSyncDue is so when enabled, and the next sync is past, or the last one unknown', () => {
    const { config, sql } = scene()
    const set = (enabled, last, next) => sql('UPDATE sync_config SET enabled = ?, last_sync_at = ?, next_sync_at = ?', enabled, last, next)
    for (const [what, enabled, last, next, isDue] of [
      ['never synced', 1, null, null, true],
      ['never synced, disabled', 0, null, null, false],
      ['the next is past', 1, at(-2 * DAY), at(-DAY), true],
      ['the next is past, disabled', 0, at(-2 * DAY), at(-DAY), false],
      ['the next is to come', 1, at(-60_000), at(DAY - 60_000), false],
      ['no next one is known: it is computed', 1, at(-60_000), null, false],
      ['no next one is known, and the last is long ago', 1, at(-2 * DAY), null, true],
      ['no last one is known', 1, null, at(DAY), true],
      ['synced in the future: a clock was wrong', 1, at(30 * DAY), at(31 * DAY), true],
    ]) {
      set(enabled, last, next)
      assert.equal(config.isSyncDue(), isDue, what)
    }
  })

  test('isSyncDue follows setLastSync, disable and enable', () => {
    const { config } = scene()
    assert.equal(config.isSyncDue(), true)
    config.setLastSync(at(0), 0)
    assert.equal(config.isSyncDue(), false)
    config.setLastSync(at(-DAY - 1000), 0)
    assert.equal(config.isSyncDue(), true)
    assert.equal(config.disable().enabled, false)
    assert.equal(config.isSyncDue(), false)
    assert.equal(config.enable().enabled, true)
    assert.equal(config.isSyncDue(), true)
  })

  test('setFrequency moves the next sync, where one is known', () => {
    const { config } = scene()
    assert.equal(config.setFrequency('weekly').nextSyncAt, null)
    config.setLastSync('2026-03-01T00:00:00.000Z', 1)
    const daily = config.setFrequency('daily')
    assert.deepEqual(
      [daily.frequency, daily.intervalMs, daily.lastSyncAt, daily.nextSyncAt],
      ['daily', DAY, '2026-03-01T00:00:00.000Z', '2026-03-02T00:00:00.000Z'],
    )
    const weekly = config.setFrequency('weekly')
    assert.deepEqual([weekly.intervalMs, weekly.nextSyncAt, weekly.lastSyncCount], [7 * DAY, '2026-03-08T00:00:00.000Z', 1])
    config.setLastSync(at(-2 * DAY), 1)
    assert.equal(config.isSyncDue(), false)
    config.setFrequency('daily')
    assert.equal(config.isSyncDue(), true)
  })

  test('an unknown frequency is refused, and nothing changes', () => {
    const { config, path } = scene()
    const before = dump(path)
    for (const word of ['hourly', '', 'Daily', ' daily']) {
      assert.throws(() => config.setFrequency(word), syncError('INVALID_ARGUMENT', /Unknown frequency .*'daily' or 'weekly'/))
      assert.throws(() => config.updateConfig({ enabled: false, frequency: word }), syncError('INVALID_ARGUMENT', /frequency/))
    }
    assert.deepEqual(dump(path), before)
  })

  test('a last sync that nobody can read does not keep the user from changing the frequency', () => {
    const { config, sql } = scene()
    // The TypeScript class stores the text before it finds that it is no time.
    sql("UPDATE sync_config SET last_sync_at = 'x'")
    assert.equal(config.isSyncDue(), true)
    const weekly = config.setFrequency('weekly')
    assert.deepEqual([weekly.frequency, weekly.intervalMs, weekly.nextSyncAt], ['weekly', 7 * DAY, null])
  })
})

describe('SyncHistoryRepository', () => {
  test('startRun makes an entry that runs, with exactly the keys of the contract', () => {
    const { history } = scene()
    const before = Date.now()
    const id = history.startRun()
    assert.match(id, RUN_ID)
    const { startedAt, createdAt, ...rest } = history.getById(id)
    assert.deepEqual(rest, {
      id,
      completedAt: null,
      status: 'running',
      skillsAdded: 0,
      skillsUpdated: 0,
      skillsUnchanged: 0,
      errorMessage: null,
      durationMs: null,
    })
    assert.match(startedAt, ISO)
    assert.match(createdAt, SQLITE_TIME)
    assert.ok(Date.parse(startedAt) >= before && Date.parse(startedAt) <= Date.now(), startedAt)
    assert.equal(id.slice(5, 19), startedAt.slice(0, 19).replace(/\D/g, ''), 'the id tells the time of the start')
  })

  test('ids are unique, however fast they come', () => {
    const { history } = scene()
    const ids = Array.from({ length: 300 }, () => history.startRun())
    assert.equal(new Set(ids).size, 300)
    assert.equal(history.count(), 300)
  })

  for (const [method, args, expected] of [
    ['completeRun', [COUNTS], { status: 'success', ...COUNTS, errorMessage: null }],
    ['completeRunPartial', [COUNTS, 'two rows were bad'], { status: 'partial', ...COUNTS, errorMessage: 'two rows were bad' }],
    ['failRun', ['Network down'], { status: 'failed', skillsAdded: 0, skillsUpdated: 0, skillsUnchanged: 0, errorMessage: 'Network down' }],
  ]) {
    test(`${method} ends an entry`, () => {
      const { history, sql } = scene()
      const [other, id] = [history.startRun(), history.startRun()]
      const untouched = history.getById(other)
      sql('UPDATE sync_history SET started_at = ? WHERE id = ?', at(-5000), id)
      const started = history.getById(id)
      assert.equal(history[method](id, ...args), undefined)
      const ended = history.getById(id)
      const { completedAt, durationMs } = ended
      assert.deepEqual(ended, { ...started, ...expected, completedAt, durationMs })
      assert.match(completedAt, ISO)
      assert.equal(durationMs, Date.parse(completedAt) - Date.parse(started.startedAt))
      assert.ok(durationMs >= 5000, `${durationMs}`)
      assert.deepEqual(history.getById(other), untouched)
    })

    test(`${method} of a run that is not there is an error`, () => {
      const { history, path } = scene()
      history.startRun()
      const before = dump(path)
      for (const id of ['nope', '', 'sync-20260101000000-aaaaaa', "'; DROP TABLE sync_history; --"]) {
        assert.throws(
          () => history[method](id, ...args),
          (error) => syncError('RUN_NOT_FOUND')(error) && error.message === `Sync run not found: ${id}`,
        )
      }
      assert.deepEqual(dump(path), before)
    })
  }

  test('a clock that was set back makes no negative duration', () => {
    const { history, sql } = scene()
    const id = history.startRun()
    sql('UPDATE sync_history SET started_at = ? WHERE id = ?', at(DAY), id)
    history.completeRun(id, COUNTS)
    assert.equal(history.getById(id).durationMs, 0)
  })

  test('failRun keeps the counts that an entry has, as the TypeScript class does', () => {
    const { history } = scene()
    const id = history.startRun()
    history.completeRunPartial(id, COUNTS, 'so far')
    history.failRun(id, 'and then the power went')
    const { status, skillsAdded, skillsUpdated, skillsUnchanged, errorMessage } = history.getById(id)
    assert.deepEqual([status, errorMessage], ['failed', 'and then the power went'])
    assert.deepEqual({ skillsAdded, skillsUpdated, skillsUnchanged }, COUNTS)
  })

  test('getById of nothing is null', () => {
    const { history } = scene()
    history.startRun()
    assert.equal(history.getById('nope'), null)
    assert.equal(history.getById(''), null)
  })

  test('getHistory gives the newest first, ten by default', () => {
    const { history, sql } = scene()
    assert.deepEqual(history.getHistory(), [])
    const ids = Array.from({ length: 12 }, () => history.startRun())
    // Within one millisecond, the later one is the newer one.
    const newest = ids.toReversed()
    const idsOf = (entries) => entries.map((entry) => entry.id)
    assert.deepEqual(idsOf(history.getHistory()), newest.slice(0, 10))
    assert.deepEqual(idsOf(history.getHistory(undefined)), newest.slice(0, 10))
    assert.deepEqual(history.getHistory(0), [])
    assert.deepEqual(idsOf(history.getHistory(1)), newest.slice(0, 1))
    assert.deepEqual(idsOf(history.getHistory(12)), newest)
    assert.deepEqual(idsOf(history.getHistory(4_000_000_000)), newest)
    // The time of the start decides, not that of the insertion.
    sql('UPDATE sync_history SET started_at = ? WHERE id = ?', at(60_000), ids[3])
    assert.equal(history.getHistory(1)[0].id, ids[3])
    assert.deepEqual(history.getHistory(12)[0], history.getById(ids[3]))
  })

  test('getLastSuccessful passes over runs that are no success', () => {
    const { history, sql } = scene()
    assert.equal(history.getLastSuccessful(), null)
    const [first, second, partial, failed] = Array.from({ length: 4 }, () => history.startRun())
    history.startRun()
    history.completeRunPartial(partial, COUNTS, 'half')
    history.failRun(failed, 'no')
    assert.equal(history.getLastSuccessful(), null)
    history.completeRun(second, COUNTS)
    history.completeRun(first, COUNTS)
    assert.deepEqual(history.getLastSuccessful(), history.getById(second))
    sql('UPDATE sync_history SET started_at = ? WHERE id = ?', at(60_000), first)
    assert.equal(history.getLastSuccessful().id, first)
  })

  test('getRunning and isRunning know the runs that have not ended', () => {
    const { history } = scene()
    assert.deepEqual(history.getRunning(), [])
    assert.equal(history.isRunning(), false)
    const [one, two, three] = [history.startRun(), history.startRun(), history.startRun()]
    assert.equal(history.isRunning(), true)
    assert.deepEqual(
      history.getRunning(),
      [three, two, one].map((id) => history.getById(id)),
    )
    history.completeRun(one, COUNTS)
    history.failRun(three, 'no')
    assert.deepEqual(
      history.getRunning().map((entry) => entry.id),
      [two],
    )
    history.completeRunPartial(two, COUNTS, 'half')
    assert.equal(history.isRunning(), false)
    assert.deepEqual(history.getRunning(), [])
  })

  test('cleanup deletes what started before, thirty days by default, and counts it', () => {
    const { history, sql } = scene()
    const aged = (days) => {
      const id = history.startRun()
      sql('UPDATE sync_history SET started_at = ? WHERE id = ?', at(-days * DAY), id)
      return id
    }
    const [, , week, today] = [aged(400), aged(30.01), aged(29.99), aged(0)]
    const left = () => history.getHistory(100).map((entry) => entry.id)
    assert.equal(history.cleanup(500), 0)
    assert.equal(history.cleanup(), 2)
    assert.deepEqual(left(), [today, week])
    assert.equal(history.cleanup(29), 1)
    assert.deepEqual(left(), [today])
    assert.equal(history.cleanup(undefined), 0)
    sql('UPDATE sync_history SET started_at = ?', at(-1000))
    assert.equal(history.cleanup(0), 1)
    assert.equal(history.count(), 0)
  })

  test('getStats of an empty history, and of a full one', () => {
    const { history, sql } = scene()
    assert.deepEqual(history.getStats(), {
      totalRuns: 0,
      successfulRuns: 0,
      failedRuns: 0,
      lastSuccessAt: null,
      averageDurationMs: null,
    })
    const ids = Array.from({ length: 6 }, () => history.startRun())
    for (const id of ids.slice(0, 2)) history.completeRun(id, COUNTS)
    history.completeRunPartial(ids[2], COUNTS, 'half')
    history.failRun(ids[3], 'no')
    history.failRun(ids[4], 'no')
    const set = (id, completedAt, ms) => sql('UPDATE sync_history SET completed_at = ?, duration_ms = ? WHERE id = ?', completedAt, ms, id)
    set(ids[0], '2026-01-01T00:00:00.000Z', 100)
    set(ids[1], '2026-01-02T00:00:00.000Z', 201)
    set(ids[2], '2026-01-03T00:00:00.000Z', 9999)
    set(ids[3], '2026-01-04T00:00:00.000Z', 8888)
    assert.deepEqual(history.getStats(), {
      totalRuns: 6,
      successfulRuns: 2,
      failedRuns: 2,
      lastSuccessAt: '2026-01-02T00:00:00.000Z',
      averageDurationMs: 151,
    })
    assert.equal(history.count(), 6)
  })
})

describe('SkillRepository', () => {
  const insert = (sql, id, more = {}) => {
    const row = { id, name: `name of ${id}`, ...more }
    const columns = Object.keys(row)
    sql(`INSERT INTO skills (${columns.join()}) VALUES (${columns.map(() => '?').join()})`, ...Object.values(row))
  }

  test('findById has every key of a skill, null never undefined', () => {
    const { skills, sql } = scene()
    insert(sql, 'bare', { created_at: '2026-01-01T00:00:00Z', updated_at: '2026-01-02T00:00:00.5+02:00' })
    assert.deepEqual(skills.findById('bare'), {
      id: 'bare',
      name: 'name of bare',
      description: null,
      author: null,
      repoUrl: null,
      qualityScore: null,
      trustTier: 'unknown',
      tags: [],
      installable: false,
      riskScore: null,
      securityFindingsCount: 0,
      securityScannedAt: null,
      securityPassed: null,
      createdAt: '2026-01-01T00:00:00Z',
      updatedAt: '2026-01-02T00:00:00.5+02:00',
    })
    insert(sql, 'full', {
      description: 'née 日本 🦀',
      author: 'ada',
      repo_url: 'https://github.com/ada/dig',
      quality_score: 0.625,
      trust_tier: 'official',
      tags: '["git","née"]',
    })
    const { createdAt, updatedAt, ...full } = skills.findById('full')
    assert.deepEqual(full, {
      id: 'full',
      name: 'name of full',
      description: 'née 日本 🦀',
      author: 'ada',
      repoUrl: 'https://github.com/ada/dig',
      qualityScore: 0.625,
      trustTier: 'official',
      tags: ['git', 'née'],
      installable: false,
      riskScore: null,
      securityFindingsCount: 0,
      securityScannedAt: null,
      securityPassed: null,
    })
    assert.match(createdAt, SQLITE_TIME)
    assert.match(updatedAt, SQLITE_TIME)
  })

  test('findById, exists and count', () => {
    const { skills, sql } = scene()
    assert.equal(skills.count(), 0)
    assert.equal(skills.findById('a/b'), null)
    assert.equal(skills.exists('a/b'), false)
    insert(sql, 'a/b')
    insert(sql, 'mine', { source: 'local' })
    assert.equal(skills.count(), 2)
    assert.equal(skills.exists('a/b'), true)
    assert.equal(skills.exists('A/B'), false)
    assert.equal(skills.exists('a/%'), false)
    assert.equal(skills.findById('a/b').name, 'name of a/b')
    assert.equal(skills.findById('mine').name, 'name of mine')
    assert.equal(skills.findById(''), null)
  })

  test('tags that are no list of texts do not make a skill unreadable', () => {
    const { skills, sql } = scene()
    for (const [id, tags] of [
      ['broken', '[1'],
      ['object', '{}'],
      ['null', null],
      ['empty', ''],
    ]) {
      insert(sql, id, { tags })
      assert.deepEqual(skills.findById(id).tags, [], id)
    }
  })
})

describe('beside the TypeScript stack', () => {
  /** Both stacks on one file that the TypeScript stack has opened. */
  function pair() {
    const { path } = scene()
    const db = stack.openDatabase(path)
    return {
      path,
      db,
      theirs: {
        config: new stack.SyncConfigRepository(db),
        history: new stack.SyncHistoryRepository(db),
        skills: new stack.SkillRepository(db),
      },
      ours: {
        config: new sync.SyncConfigRepository(db),
        history: new sync.SyncHistoryRepository(db),
        skills: new sync.SkillRepository(db),
      },
    }
  }

  /** Calls a method of both and compares what comes out. */
  function same({ ours, theirs }, repository, method, ...args) {
    const ourValue = ours[repository][method](...args)
    assert.deepEqual(ourValue, theirs[repository][method](...args), `${repository}.${method}(${args.join()})`)
    return ourValue
  }

  test('the configuration reads the same, field by field', () => {
    const both = pair()
    for (const [enabled, frequency, last, next, count, error] of [
      [1, 'daily', null, null, 0, null],
      [0, 'weekly', '2026-01-01T00:00:00.000Z', '2026-01-08T00:00:00.000Z', 12345, 'boo'],
      [1, 'daily', at(-DAY * 2), at(-DAY), 1, ''],
      [1, 'daily', at(-1000), at(DAY), 1, 'née 日本'],
    ]) {
      both.db
        .prepare(
          `UPDATE sync_config SET enabled = ?, frequency = ?, last_sync_at = ?, next_sync_at = ?, last_sync_count = ?, last_sync_error = ?`,
        )
        .run(enabled, frequency, last, next, count, error)
      same(both, 'config', 'getConfig')
      // Disabled means never due here; the TypeScript class leaves that to its caller.
      if (enabled) same(both, 'config', 'isSyncDue')
    }
    for (const from of ['2026-01-31T08:00:00.000Z', '2026-01-31T08:00:00Z', '2026-01-31T08:00:00+01:00', '2024-02-28T23:59:59.999Z']) {
      for (const interval of [0, 1, DAY, 7 * DAY, 365 * DAY]) same(both, 'config', 'calculateNextSync', from, interval)
    }
  })

  test('the history reads the same, field by field', () => {
    const both = pair()
    const insert = both.db.prepare(
      `INSERT INTO sync_history (id, started_at, completed_at, status, skills_added, skills_updated, skills_unchanged, error_message, duration_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    same(both, 'history', 'getStats')
    same(both, 'history', 'getLastSuccessful')
    for (let n = 0; n < 15; n++) {
      const status = ['success', 'failed', 'partial', 'success', 'running'][n % 5]
      const ended = status !== 'running'
      const day = String(n + 1).padStart(2, '0')
      insert.run(
        `sync-202601${day}000000-abcdef`,
        `2026-01-${day}T00:00:00.000Z`,
        ended ? `2026-01-${day}T00:00:0${n % 7}.250Z` : null,
        status,
        n,
        2 * n,
        3 * n,
        status === 'failed' || status === 'partial' ? `error ${n}` : null,
        ended ? (n % 7) * 1000 + 250 : null,
      )
      same(both, 'history', 'getStats')
      same(both, 'history', 'count')
      same(both, 'history', 'isRunning')
    }
    assert.equal(same(both, 'history', 'getHistory').length, 10)
    for (const limit of [0, 1, 5, 100]) same(both, 'history', 'getHistory', limit)
    // Its class gives these in no order.
    const newestFirst = (entries) => entries.toSorted((a, b) => b.startedAt.localeCompare(a.startedAt))
    const running = both.ours.history.getRunning()
    assert.deepEqual(running, newestFirst(both.theirs.history.getRunning()))
    assert.equal(running.length, 3)
    assert.equal(same(both, 'history', 'getLastSuccessful').id, 'sync-20260114000000-abcdef')
    same(both, 'history', 'getById', 'sync-20260105000000-abcdef')
    same(both, 'history', 'getById', 'nope')
  })

  test('skills read the same, field by field', () => {
    const both = pair()
    const { skills } = both.theirs
    skills.create({ id: 'bare', name: 'bare' })
    skills.create({
      id: 'full',
      name: 'full',
      description: 'née 日本 🦀',
      author: 'ada',
      repoUrl: 'https://github.com/ada/full',
      qualityScore: 0.75,
      trustTier: 'verified',
      tags: ['a', 'b"c', '日本'],
      installable: true,
      riskScore: 12,
      securityFindingsCount: 3,
      securityScannedAt: '2026-01-01T00:00:00.000Z',
      securityPassed: true,
    })
    skills.create({ id: 'bad', name: 'bad', riskScore: 99, securityFindingsCount: 7, securityPassed: false, trustTier: 'experimental' })
    for (const id of ['bare', 'full', 'bad', 'none']) {
      same(both, 'skills', 'findById', id)
      same(both, 'skills', 'exists', id)
    }
    assert.equal(same(both, 'skills', 'count'), 3)
  })

  test('text that was cut inside a character reads the same', () => {
    const both = pair()
    const { config, history, skills } = both.theirs
    // As a host leaves it that shortens a message by `slice`; better-sqlite3 stores it as it is, which is no UTF-8.
    const cut = 'a very long message 🦀'.slice(0, -1)
    const run = history.startRun()
    history.failRun(run, cut)
    same(both, 'history', 'getById', run)
    same(both, 'history', 'getHistory')
    skills.create({ id: 'cut', name: cut, description: cut, author: cut })
    same(both, 'skills', 'findById', 'cut')
    config.setLastSyncError(cut)
    same(both, 'config', 'getConfig')
    same(both, 'config', 'isSyncDue')
    same(both, 'config', 'disable')
  })

  test('the same calls leave the same rows', () => {
    const from = pair()
    const copy = newPath()
    from.db.pragma('wal_checkpoint(TRUNCATE)')
    copyFileSync(from.path, copy)
    const ours = { config: new sync.SyncConfigRepository(copy), history: new sync.SyncHistoryRepository(copy) }
    const results = [from.theirs, ours].map(({ config, history }) => {
      const [done, partial, failed, old] = Array.from({ length: 4 }, () => history.startRun())
      const returned = [
        config.updateConfig({ enabled: false }),
        config.updateConfig({ frequency: 'weekly' }),
        config.setLastSync('2026-01-01T00:00:00.000Z', 5),
        config.getConfig(),
        config.setFrequency('daily'),
        config.setLastSyncError('boo'),
        config.enable(),
        config.clearError(),
        config.disable(),
        config.setLastSyncError('it ends with this'),
        history.completeRun(done, COUNTS),
        history.completeRunPartial(partial, COUNTS, 'half'),
        history.failRun(failed, 'no'),
        history.getById(done),
        history.getById(partial),
        history.getById(failed),
        history.getById(old),
        history.cleanup(),
        history.cleanup(1),
        history.count(),
        history.getStats().totalRuns,
      ]
      for (const id of ['nope', '']) {
        for (const call of [
          () => history.completeRun(id, COUNTS),
          () => history.completeRunPartial(id, COUNTS, 'e'),
          () => history.failRun(id, 'e'),
        ]) {
          assert.throws(call, (error) => returned.push(error.message) > 0)
        }
      }
      const names = new Map([
        [done, 'done'],
        [partial, 'partial'],
        [failed, 'failed'],
        [old, 'old'],
      ])
      return masked(returned, names)
    })
    assert.deepEqual(results[1], results[0])

    const rows = [from.path, copy].map((path) =>
      look(path, (db) =>
        masked([db.prepare('SELECT * FROM sync_config').all(), db.prepare('SELECT * FROM sync_history ORDER BY status, rowid').all()]),
      ),
    )
    assert.deepEqual(rows[1], rows[0])
  })

  /** Without what differs from one millisecond to the next: times of now, durations and ids. */
  function masked(value, names = new Map()) {
    const year = new Date().getUTCFullYear()
    return JSON.parse(
      JSON.stringify(value, (key, inner) => {
        if (inner === undefined) return '<undefined>'
        if (/^duration_?ms$/i.test(key) && inner !== null) return '<ms>'
        if (typeof inner !== 'string') return inner
        if (names.has(inner)) return `<${names.get(inner)}>`
        if (RUN_ID.test(inner)) return '<id>'
        if ((ISO.test(inner) || SQLITE_TIME.test(inner)) && !inner.startsWith('2026-01-0')) {
          assert.ok(inner.startsWith(String(year)), inner)
          return ISO.test(inner) ? '<iso>' : '<sqlite>'
        }
        return inner
      }),
    )
  }
})
