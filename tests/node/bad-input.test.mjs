// Wrong arguments: each is refused by name, with a code, and nothing has changed.

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { dump } from './support/database.mjs'
import { assertSyncError, outOfRange, RETRYABLE, syncError, wrongType } from './support/errors.mjs'
import { BetterSqlite3, folder, newPath, ROOT, sync } from './support/index.mjs'
import * as stack from './support/stack.mjs'

const NOWHERE = 'http://127.0.0.1:1/functions/v1'
const RESULT = { skillsAdded: 1, skillsUpdated: 2, skillsUnchanged: 3 }
const SAFE = Number.MAX_SAFE_INTEGER
const U32 = 2 ** 32 - 1
const I32 = 2 ** 31 - 1

class Named {}
const OBJECTS = [{}, [], Object.create(null), new Named(), new Date(), /x/, new Map()]
const EMPTY = [undefined, null]

/** What an argument may be, the words for it, and values of other types. */
const string = { words: /a string/, wrong: [...EMPTY, 5, 0, true, 5n, Symbol('s'), () => {}, new String('x'), ...OBJECTS] }
/** Of something to read: where there is no id, there is nothing. */
const soughtId = {
  words: /a string/,
  wrong: string.wrong.filter((value) => value !== undefined && value !== null && typeof value !== 'number'),
}
/** Of something to change: where there is no id, that is said in the words of the stack. */
const runId = { words: /a string/, wrong: string.wrong.filter((value) => value !== undefined && value !== null) }
const boolean = { words: /a boolean/, wrong: ['true', '', 5, 0, 1, 5n, Symbol('s'), () => {}, ...OBJECTS] }
const callback = { words: /a function/, wrong: ['f', 5, true, 5n, Symbol('s'), ...OBJECTS] }
const object = { words: /an object/, wrong: ['x', '', 5, true, 5n, Symbol('s'), () => {}] }
/** As the column has it, a number is true or false. */
const onOrOff = { ...boolean, wrong: boolean.wrong.filter((value) => typeof value !== 'number') }
const required = (type) => ({ ...type, wrong: [...EMPTY, ...type.wrong] })
const optional = (type) => ({ ...type, wrong: type.wrong.filter((value) => value !== undefined && value !== null) })
const integer = (least, most) => ({
  words: /a number/,
  wrong: [null, '5', '', true, 5n, Symbol('s'), () => {}, new Number(5), ...OBJECTS],
  outside: [
    least - 1,
    -1,
    -0.5,
    least + 0.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    2 ** 53,
    most + 1,
    1e300,
  ].filter((value) => !(Number.isInteger(value) && value >= least && value <= most)),
})

/** An engine over nothing: a sync that came as far as the network would leave an entry in the history. */
const engineOf = (s) => new sync.SyncEngine({ db: s.database, apiClient: s.client })
const serviceOf = (s, options) => new sync.BackgroundSyncService(engineOf(s), s.config, options)
const started = (s, more) => sync.startBackgroundSync({ db: s.database, apiClient: s.client, ...more })

/** The same, where a fraction does not count. */
const whole = (least, most) => {
  const type = integer(least, most)
  return { ...type, outside: type.outside.filter((value) => !(Math.floor(value) >= least && Math.floor(value) <= most)) }
}
/** A number from 0 to 1. */
const share = {
  words: /a number/,
  wrong: integer(0, 1).wrong,
  outside: [-0.001, 1.001, Number.NaN, Number.POSITIVE_INFINITY, -1e300, 2 ** 53],
}
/** Options of a call that the stack does not have: an instance of a class is not one, nor an array. */
const anyOptions = { words: /an object/, wrong: [...object.wrong, [], new Date(), new Map(), new Named()] }
/** The same, where a negative number stands for all. */
const upTo = (most) => {
  const type = integer(0, most)
  return { ...type, outside: type.outside.filter((value) => !(Number.isInteger(value) && value < 0)) }
}

/** Every argument of every method and every option: what it is called, what it may be, and a call with it. */
const ARGUMENTS = [
  ['SyncConfigRepository.updateConfig', 'update', required(object), (s, v) => s.config.updateConfig(v)],
  ['SyncConfigRepository.updateConfig', 'enabled', onOrOff, (s, v) => s.config.updateConfig({ frequency: 'weekly', enabled: v })],
  ['SyncConfigRepository.updateConfig', 'frequency', optional(string), (s, v) => s.config.updateConfig({ enabled: false, frequency: v })],
  ['SyncConfigRepository.setFrequency', 'frequency', string, (s, v) => s.config.setFrequency(v)],
  ['SyncConfigRepository.setLastSync', 'timestamp', string, (s, v) => s.config.setLastSync(v, 1)],
  ['SyncConfigRepository.setLastSync', 'count', integer(0, SAFE), (s, v) => s.config.setLastSync('2026-01-01T00:00:00.000Z', v)],
  ['SyncConfigRepository.setLastSyncError', 'error', optional(string), (s, v) => s.config.setLastSyncError(v)],
  ['SyncConfigRepository.calculateNextSync', 'lastSyncAt', string, (s, v) => s.config.calculateNextSync(v, 1)],
  [
    'SyncConfigRepository.calculateNextSync',
    'intervalMs',
    whole(-SAFE, SAFE),
    (s, v) => s.config.calculateNextSync('2026-01-01T00:00:00.000Z', v),
  ],

  ['SyncHistoryRepository.completeRun', 'id', runId, (s, v) => s.history.completeRun(v, RESULT)],
  ['SyncHistoryRepository.completeRun', 'result', required(object), (s, v) => s.history.completeRun(s.run, v)],
  ...['skillsAdded', 'skillsUpdated', 'skillsUnchanged'].flatMap((name) => [
    [
      'SyncHistoryRepository.completeRun',
      `result.${name}`,
      integer(0, SAFE),
      (s, v) => s.history.completeRun(s.run, { ...RESULT, [name]: v }),
    ],
    [
      'SyncHistoryRepository.completeRunPartial',
      `result.${name}`,
      integer(0, SAFE),
      (s, v) => s.history.completeRunPartial(s.run, { ...RESULT, [name]: v }, 'e'),
    ],
  ]),
  ['SyncHistoryRepository.completeRunPartial', 'id', runId, (s, v) => s.history.completeRunPartial(v, RESULT, 'e')],
  ['SyncHistoryRepository.completeRunPartial', 'result', required(object), (s, v) => s.history.completeRunPartial(s.run, v, 'e')],
  ['SyncHistoryRepository.completeRunPartial', 'errorMessage', string, (s, v) => s.history.completeRunPartial(s.run, RESULT, v)],
  ['SyncHistoryRepository.failRun', 'id', runId, (s, v) => s.history.failRun(v, 'e')],
  ['SyncHistoryRepository.failRun', 'error', string, (s, v) => s.history.failRun(s.run, v)],
  ['SyncHistoryRepository.getById', 'id', soughtId, (s, v) => s.history.getById(v)],
  ['SyncHistoryRepository.getHistory', 'limit', upTo(U32), (s, v) => s.history.getHistory(v)],
  ['SyncHistoryRepository.cleanup', 'daysToKeep', integer(0, U32), (s, v) => s.history.cleanup(v)],

  ['SkillRepository.findById', 'id', soughtId, (s, v) => s.skills.findById(v)],
  ['SkillRepository.exists', 'id', soughtId, (s, v) => s.skills.exists(v)],
  ['SkillRepository.get', 'id', soughtId, (s, v) => s.skills.get(v)],
  ['SkillRepository.search', 'text', string, (s, v) => s.skills.search(v)],
  ['SkillRepository.search', 'offset', optional(integer(0, U32)), (s, v) => s.skills.search('x', { offset: v })],
  ['SkillRepository.list', 'after', optional(string), (s, v) => s.skills.list({ after: v })],
  ...[
    ['SkillRepository.search', (s, options) => s.skills.search('x', options)],
    ['SkillRepository.list', (s, options) => s.skills.list(options)],
    ['SkillRepository.iterate', (s, options) => s.skills.iterate(options)],
  ].flatMap(([method, call]) => [
    [method, 'options', anyOptions, (s, v) => call(s, v)],
    [method, 'limit', optional(integer(1, 1_000)), (s, v) => call(s, { limit: v })],
    [method, 'minScore', optional(share), (s, v) => call(s, { minScore: v })],
    [method, 'safeOnly', boolean, (s, v) => call(s, { safeOnly: v })],
    ...['category', 'trustTier', 'source'].map((name) => [method, name, optional(string), (s, v) => call(s, { [name]: v })]),
  ]),

  ['new Database', 'path', optional(string), (s, v) => new sync.Database(v)],
  ['new Database', 'options', object, (s, v) => new sync.Database(s.path, v)],
  ['new Database', 'readonly', boolean, (s, v) => new sync.Database(s.path, { readonly: v })],

  ...[(v) => new sync.SkillsmithApiClient(v), (v) => sync.createApiClient(v)].flatMap((make, n) => [
    [['new SkillsmithApiClient', 'createApiClient'][n], 'config', object, (s, v) => make(v)],
    ...['baseUrl', 'anonKey', 'apiKey', 'jwtToken'].map((name) => [
      'new SkillsmithApiClient',
      name,
      optional(string),
      (s, v) => make({ baseUrl: NOWHERE, [name]: v }),
    ]),
    ['new SkillsmithApiClient', 'timeout', optional(integer(1, U32)), (s, v) => make({ baseUrl: NOWHERE, timeout: v })],
    ['new SkillsmithApiClient', 'maxRetries', optional(integer(0, U32)), (s, v) => make({ baseUrl: NOWHERE, maxRetries: v })],
    ['new SkillsmithApiClient', 'offlineMode', boolean, (s, v) => make({ baseUrl: NOWHERE, offlineMode: v })],
    ['new SkillsmithApiClient', 'debug', boolean, (s, v) => make({ baseUrl: NOWHERE, debug: v })],
  ]),
  ['SkillsmithApiClient.checkHealth', 'options', object, (s, v) => s.client.checkHealth(v)],
  ...['search', 'checkHealth'].map((method) => [
    `SkillsmithApiClient.${method}`,
    'signal',
    { words: /an AbortSignal/, wrong: ['x', 5, true, new AbortController(), ...OBJECTS] },
    (s, v) => s.client[method]({ signal: v }),
  ]),
  ['SkillsmithApiClient.search', 'options', object, (s, v) => s.client.search(v)],
  ['SkillsmithApiClient.search', 'query', optional(string), (s, v) => s.client.search({ query: v })],
  ['SkillsmithApiClient.search', 'trustTier', optional(string), (s, v) => s.client.search({ trustTier: v })],
  ['SkillsmithApiClient.search', 'limit', optional(integer(1, U32)), (s, v) => s.client.search({ limit: v })],
  ['SkillsmithApiClient.search', 'offset', optional(integer(0, SAFE)), (s, v) => s.client.search({ offset: v })],

  ['new SyncEngine', 'options', object, (s, v) => new sync.SyncEngine(v)],
  ['SyncEngine.sync', 'options', object, (s, v) => engineOf(s).sync(v)],
  ['SyncEngine.sync', 'force', boolean, (s, v) => engineOf(s).sync({ force: v })],
  ['SyncEngine.sync', 'dryRun', boolean, (s, v) => engineOf(s).sync({ dryRun: v })],
  ['SyncEngine.sync', 'prune', boolean, (s, v) => engineOf(s).sync({ prune: v })],
  ['SyncEngine.sync', 'pageSize', optional(integer(1, 10_000)), (s, v) => engineOf(s).sync({ pageSize: v })],
  ['SyncEngine.sync', 'deadlineMs', optional(integer(1, U32)), (s, v) => engineOf(s).sync({ deadlineMs: v })],
  ['SyncEngine.sync', 'onProgress', callback, (s, v) => engineOf(s).sync({ onProgress: v })],
  [
    'SyncEngine.sync',
    'signal',
    { words: /an AbortSignal/, wrong: ['x', 5, true, new AbortController(), ...OBJECTS] },
    (s, v) => engineOf(s).sync({ signal: v }),
  ],

  ['new BackgroundSyncService', 'options', object, (s, v) => serviceOf(s, v)],
  ['createBackgroundSyncService', 'options', object, (s, v) => sync.createBackgroundSyncService(engineOf(s), s.config, v)],
  ['startBackgroundSync', 'options', object, (s, v) => sync.startBackgroundSync(v)],
  ...[
    ['new BackgroundSyncService', serviceOf],
    ['createBackgroundSyncService', (s, options) => sync.createBackgroundSyncService(engineOf(s), s.config, options)],
    ['startBackgroundSync', started],
  ].flatMap(([method, make]) => [
    [method, 'checkIntervalMs', optional(whole(1, I32)), (s, v) => make(s, { checkIntervalMs: v })],
    [method, 'syncOnStart', boolean, (s, v) => make(s, { syncOnStart: v })],
    [method, 'debug', boolean, (s, v) => make(s, { debug: v })],
    [method, 'onSyncComplete', callback, (s, v) => make(s, { onSyncComplete: v })],
    [method, 'onSyncError', callback, (s, v) => make(s, { onSyncError: v })],
  ]),
  ...[
    ['new BackgroundSyncService', (...all) => new sync.BackgroundSyncService(...all)],
    ['createBackgroundSyncService', (...all) => sync.createBackgroundSyncService(...all)],
  ].flatMap(([method, make]) => [
    [
      method,
      'engine',
      { words: /a SyncEngine or an object with sync/, wrong: [...EMPTY, 'x', 5, { sync: 5 }, ...OBJECTS] },
      (s, v) => make(v, s.config),
    ],
    [
      method,
      'configRepo',
      {
        words: /a SyncConfigRepository or an object with getConfig and isSyncDue/,
        wrong: [...EMPTY, 'x', 5, { getConfig() {} }, ...OBJECTS],
      },
      (s, v) => make(engineOf(s), v),
    ],
  ]),
]

/** Values that stand for a database or a registry nowhere. */
const NO_DATABASE = {
  words: /a Database, a path, or an object whose name is the path/,
  wrong: [5, true, 5n, { name: 5 }, () => {}, ...OBJECTS],
}
const NO_REGISTRY = {
  words: /a SkillsmithApiClient or an object with isOffline, checkHealth and search or syncRegistry/,
  wrong: ['http://x', 5, true, { isOffline() {}, search() {} }, { baseUrl: 5 }, () => {}, ...OBJECTS],
}
const NO_REPOSITORY = { words: /a repository with a database/, wrong: [...EMPTY, 'x', 5, { db: 5 }, { db: {} }, ...OBJECTS] }
ARGUMENTS.push(
  ['new SyncEngine', 'db', NO_DATABASE, (s, v) => new sync.SyncEngine({ db: v, apiClient: s.client })],
  ['startBackgroundSync', 'db', NO_DATABASE, (s, v) => sync.startBackgroundSync({ db: v, apiClient: s.client })],
  ['new SyncConfigRepository', 'db', required(NO_DATABASE), (s, v) => new sync.SyncConfigRepository(v)],
  ['new SyncHistoryRepository', 'db', required(NO_DATABASE), (s, v) => new sync.SyncHistoryRepository(v)],
  ['new SkillRepository', 'db', required(NO_DATABASE), (s, v) => new sync.SkillRepository(v)],
  ['new SyncEngine', 'apiClient', NO_REGISTRY, (s, v) => new sync.SyncEngine({ db: s.database, apiClient: v })],
  ['new SyncEngine', 'apiClient', required(NO_REGISTRY), (s, v) => new sync.SyncEngine(v, s.skills, s.config, s.history)],
  ['startBackgroundSync', 'apiClient', NO_REGISTRY, (s, v) => started(s, { apiClient: v })],
  ['new SyncEngine', 'skillRepo', NO_REPOSITORY, (s, v) => new sync.SyncEngine(s.client, v, s.config, s.history)],
  ['new SyncEngine', 'configRepo', NO_REPOSITORY, (s, v) => new sync.SyncEngine(s.client, s.skills, v, s.history)],
  ['new SyncEngine', 'historyRepo', NO_REPOSITORY, (s, v) => new sync.SyncEngine(s.client, s.skills, s.config, v)],
)

function scene() {
  const path = newPath()
  const database = new sync.Database(path)
  const history = new sync.SyncHistoryRepository(database)
  return {
    path,
    database,
    config: new sync.SyncConfigRepository(database),
    history,
    skills: new sync.SkillRepository(database),
    client: new sync.SkillsmithApiClient({ baseUrl: NOWHERE, maxRetries: 0 }),
    run: history.startRun(),
  }
}

/** Calls it and gives what it throws or rejects with; a promise never throws at once. */
async function thrownBy(call) {
  try {
    const returned = call()
    if (typeof returned?.then === 'function') await returned
    returned?.stop?.()
  } catch (error) {
    return error
  }
  return undefined
}

const show = (value) => {
  try {
    return typeof value === 'bigint' ? `${value}n` : typeof value === 'function' ? 'a function' : (JSON.stringify(value) ?? String(value))
  } catch {
    return 'something'
  }
}

describe('every argument and option', () => {
  // What must not appear where nothing is to happen: the user's own database.
  const home = folder()
  process.env.HOME = home
  for (const name of Object.keys(process.env)) if (/^(SKILLSMITH_|SUPABASE_)/.test(name)) delete process.env[name]

  for (const [method, name, type, call] of ARGUMENTS) {
    test(`${method}: ${name}`, async () => {
      const s = scene()
      const before = dump(s.path)
      const handlers = process.listenerCount('SIGTERM')
      for (const value of type.wrong) {
        const error = await thrownBy(() => call(s, value))
        assert.ok(error, `${show(value)} was taken`)
        wrongType(name, type.words)(error)
      }
      for (const value of type.outside ?? []) {
        const error = await thrownBy(() => call(s, value))
        assert.ok(error, `${value} was taken`)
        outOfRange(name)(error)
      }
      assert.deepEqual(dump(s.path), before)
      assert.equal(process.listenerCount('SIGTERM'), handlers)
      assert.deepEqual(readdirSync(home), [])
      s.database.close()
    })
  }

  test('the table has every class', () => {
    const told = new Set(ARGUMENTS.map(([method]) => method.replace(/^new /, '').split('.')[0]))
    const classes = Object.keys(sync).filter((name) => typeof sync[name] === 'function' && name !== 'SkillsmithSyncError')
    assert.deepEqual([...told].sort(), classes.sort())
  })

  test('what may be left out may also be null', () => {
    const s = scene()
    s.config.updateConfig({ enabled: null, frequency: null })
    new sync.SkillsmithApiClient({ baseUrl: NOWHERE, apiKey: null, timeout: null, maxRetries: null, offlineMode: null, debug: null })
    new sync.Database(s.path, null)
    new sync.Database(s.path, { readonly: null })
    new sync.BackgroundSyncService(engineOf(s), s.config, null)
    serviceOf(s, { checkIntervalMs: null, syncOnStart: null, onSyncComplete: null, onSyncError: null, debug: null })
  })
})

describe('promises reject, and never throw at once', () => {
  for (const [what, call] of [
    ['sync with a wrong option', (s) => engineOf(s).sync({ force: 5 })],
    ['sync with a page size of 0', (s) => engineOf(s).sync({ pageSize: 0 })],
    ['sync with a page size of 10^9', (s) => engineOf(s).sync({ pageSize: 1e9 })],
    ['search with a wrong option', (s) => s.client.search({ query: 5 })],
  ]) {
    test(what, async () => {
      const s = scene()
      const before = dump(s.path)
      const promise = call(s)
      assert.ok(promise instanceof Promise)
      await assert.rejects(promise, (error) => error.code === 'INVALID_ARGUMENT')
      assert.deepEqual(dump(s.path), before)
    })
  }
})

describe('repositories of different databases', () => {
  test('make no engine', () => {
    const [one, two] = [scene(), scene()]
    const before = [dump(one.path), dump(two.path)]
    for (const repositories of [
      [two.skills, one.config, one.history],
      [one.skills, one.config, two.history],
      [one.skills, two.config, one.history],
    ]) {
      assert.throws(
        () => new sync.SyncEngine(one.client, ...repositories),
        syncError('INVALID_ARGUMENT', /Create all repositories with the same database/),
      )
    }
    assert.deepEqual([dump(one.path), dump(two.path)], before)
    const memory = () => new sync.Database(':memory:')
    assert.throws(
      () => new sync.SyncEngine(one.client, new sync.SkillRepository(memory()), new sync.SyncConfigRepository(memory()), one.history),
      syncError('INVALID_ARGUMENT'),
    )
  })

  test('but two ways to one file do', () => {
    const s = scene()
    const host = new BetterSqlite3(s.path)
    const engine = new sync.SyncEngine(s.client, new sync.SkillRepository(host), s.config, new sync.SyncHistoryRepository(s.path))
    assert.equal(engine.getStatus().isRunning, true, 'its history has a run that has not ended')
    host.close()
  })
})

describe('words of no known meaning', () => {
  for (const [what, call, code, text] of [
    ['frequency', (s) => s.config.setFrequency('hourly'), 'INVALID_ARGUMENT', /Unknown frequency 'hourly'/],
    ['timestamp', (s) => s.config.setLastSync('yesterday', 1), 'INVALID_ARGUMENT', /'yesterday' is not a timestamp.*ISO 8601/],
    ['empty timestamp', (s) => s.config.setLastSync('', 1), 'INVALID_ARGUMENT', /'' is not a timestamp/],
    ['a date that is none', (s) => s.config.setLastSync('2026-02-30T00:00:00Z', 1), 'INVALID_ARGUMENT', /timestamp/],
    ['timestamp of calculateNextSync', (s) => s.config.calculateNextSync('soon', 1), 'INVALID_ARGUMENT', /'soon' is not a timestamp/],
    ['interval beyond all time', (s) => s.config.calculateNextSync('2026-01-01T00:00:00Z', SAFE), 'INVALID_ARGUMENT', /out of range/],
    ['run', (s) => s.history.completeRun('nope', RESULT), 'RUN_NOT_FOUND', /^Sync run not found: nope$/],
    ['days since before the calendar', (s) => s.history.cleanup(U32), 'INVALID_ARGUMENT', /out of range/],
    ['address', (s) => new sync.SkillsmithApiClient({ baseUrl: 'not a url' }), 'INVALID_ARGUMENT', /address cannot be used/],
    ['address of another kind', () => new sync.SkillsmithApiClient({ baseUrl: 'ftp://x/y' }), 'INVALID_ARGUMENT', /http/],
    [
      'address with a password',
      () => new sync.SkillsmithApiClient({ baseUrl: 'http://me:hunter2@x/y' }),
      'INVALID_ARGUMENT',
      /user name or password/,
    ],
    ['address with a query', () => new sync.SkillsmithApiClient({ baseUrl: 'http://x/y?key=hunter2' }), 'INVALID_ARGUMENT', /query/],
    [
      'key with a line break',
      () => new sync.SkillsmithApiClient({ baseUrl: NOWHERE, apiKey: 'hunter2\nX-Other: 1' }),
      'INVALID_ARGUMENT',
      /given by the program/,
    ],
    [
      'key in another script',
      () => new sync.SkillsmithApiClient({ baseUrl: NOWHERE, jwtToken: 'hunter2é' }),
      'INVALID_ARGUMENT',
      /characters that no (key|token) has/,
    ],
  ]) {
    test(what, async () => {
      const s = scene()
      const before = dump(s.path)
      const error = await thrownBy(() => call(s))
      assertSyncError(error, code, text)
      assert.doesNotMatch(`${error.message}${error.stack}`, /hunter2/)
      assert.deepEqual(dump(s.path), before)
    })
  }
})

describe('odd strings', () => {
  const NUL = 'a\0b'
  const LONE = 'a\ud800b'
  /** What UTF-8 can say of it. */
  const WELL = 'a\ufffdb'
  const LONG = 'é'.repeat(2_000_000)

  test('are stored as better-sqlite3 stores them for the TypeScript class', () => {
    const s = scene()
    const db = new BetterSqlite3(s.path)
    const theirs = new stack.SyncConfigRepository(db)
    for (const text of [NUL, LONE, LONG, '\0', '\udc00\ud800', 'x\u0000']) {
      s.config.setLastSyncError(text)
      const ours = db.prepare('SELECT hex(last_sync_error), typeof(last_sync_error) FROM sync_config').raw().get()
      assert.equal(s.config.getConfig().lastSyncError, text.toWellFormed())
      // It would store what is no UTF-8.
      theirs.setLastSyncError(text.toWellFormed())
      assert.deepEqual(db.prepare('SELECT hex(last_sync_error), typeof(last_sync_error) FROM sync_config').raw().get(), ours)
    }
    s.history.failRun(s.run, NUL)
    assert.equal(s.history.getById(s.run).errorMessage, NUL)
    db.close()
  })

  test('find nothing, and harm nothing', () => {
    const s = scene()
    const db = new BetterSqlite3(s.path)
    for (const id of ['a', WELL]) db.prepare('INSERT INTO skills (id, name) VALUES (?, ?)').run(id, 'n')
    db.close()
    const before = dump(s.path)
    for (const text of [NUL, 'a\0', '\0a', LONG, '%', "' OR 1=1 --"]) {
      assert.equal(s.skills.findById(text), null)
      assert.equal(s.skills.exists(text), false)
      assert.equal(s.history.getById(text), null)
      for (const call of [
        () => s.history.completeRun(text, RESULT),
        () => s.history.completeRunPartial(text, RESULT, text),
        () => s.history.failRun(text, text),
      ]) {
        assert.throws(call, (error) => syncError('RUN_NOT_FOUND')(error) && error.message === `Sync run not found: ${text}`)
      }
      for (const call of [
        () => s.config.setFrequency(text),
        () => s.config.setLastSync(text, 1),
        () => s.config.calculateNextSync(text, 1),
      ]) {
        assert.throws(call, syncError('INVALID_ARGUMENT'))
      }
    }
    assert.equal(s.skills.exists('a'), true)
    assert.deepEqual(dump(s.path), before)
  })

  test('are no paths', () => {
    const place = folder()
    for (const path of [join(place, NUL), join(place, 'x'.repeat(300)), join(place, 'y/'.repeat(5000))]) {
      assert.throws(
        () => new sync.Database(path),
        (error) => {
          assertSyncError(error, error.code)
          return ['INVALID_ARGUMENT', 'IO_ERROR'].includes(error.code)
        },
      )
    }
    assert.deepEqual(readdirSync(place), [], 'no file of a part of the name')
    // Half a name must not be taken for the whole.
    const half = join(place, 'half.db')
    assert.throws(
      () => new sync.Database(`${half}\0.txt`),
      (error) => {
        assertSyncError(error, error.code, /NUL|nul/)
        return ['INVALID_ARGUMENT', 'IO_ERROR'].includes(error.code)
      },
    )
    assert.throws(() => new sync.SyncConfigRepository({ name: `${half}\0.txt` }), syncError('INVALID_ARGUMENT'))
    assert.equal(existsSync(half), false)
  })

  test('are no addresses and no keys', () => {
    for (const odd of [NUL, LONE, 'é', 'a b']) {
      for (const config of [{ baseUrl: `http://${odd}/x` }, { baseUrl: NOWHERE, apiKey: odd }, { baseUrl: NOWHERE, anonKey: odd }]) {
        assert.throws(() => new sync.SkillsmithApiClient(config), syncError('INVALID_ARGUMENT'), JSON.stringify(config))
      }
    }
  })

  test('of a caller that fails in odd ways are told all the same', async () => {
    const s = scene()
    const host = (search) => ({ isOffline: () => false, checkHealth: () => ({ status: 'healthy' }), search })
    const thrown = [
      NUL,
      LONE,
      undefined,
      null,
      5,
      Symbol('odd'),
      Object.create(null),
      new Error(''),
      new Error(LONE),
      { message: 'no error' },
    ]
    // An Error may say anything in its message, and fail to.
    thrown.push(Object.assign(new Error(), { message: { code: 5 } }), Object.assign(new Error(), { message: Symbol('odd') }))
    for (const key of ['message', 'status']) thrown.push(Object.defineProperty(new Error(), key, { get: () => assert.fail('no words') }))
    for (const value of thrown) {
      const engine = new sync.SyncEngine({
        db: s.database,
        apiClient: host(() => {
          throw value
        }),
      })
      const result = await engine.sync()
      assert.equal(result.success, false)
      assert.equal(typeof result.errors[0], 'string')
      assert.notEqual(result.errors[0], '')
      assert.equal(s.history.getHistory(1)[0].status, 'failed')
    }
  })
})

describe('SkillsmithSyncError', () => {
  test('knows every code of the README, and whether it is retryable', () => {
    for (const [code, retryable] of RETRYABLE) {
      const error = new sync.SkillsmithSyncError('why', code, { cause: 5 })
      assertSyncError(error, code, /^why$/)
      assert.equal(error.retryable, retryable)
      assert.equal(error.cause, 5)
      assert.match(error.stack, /SkillsmithSyncError: why|Error: why/)
    }
  })

  test('has no code that the README does not tell', () => {
    const declared = readFileSync(join(ROOT, 'npm/index.d.ts'), 'utf8').match(/CODES: \{([\s\S]*?)\n\}/)[1]
    const codes = [...declared.matchAll(/readonly ([A-Z_]+): (true|false)/g)].map(([, name, retryable]) => [name, retryable === 'true'])
    assert.deepEqual(codes, [...RETRYABLE])
  })
})
