// A host of the TypeScript stack that changes its import: each call here is made on both, side by side. What differs is in
// docs/migrating.md, with its reason, and nothing else does. SKILLSMITH_UPDATE_MIGRATING=1 writes the table there.

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { BetterSqlite3, newPath, ROOT, sync } from './support/index.mjs'
import * as stack from './support/stack.mjs'

const COUNTS = { skillsAdded: 1, skillsUpdated: 0, skillsUnchanged: 0 }
const START = '2026-01-01T00:00:00.000Z'

/** Both find the same rows. */
function scene(library) {
  const path = newPath()
  new sync.Database(path).close()
  const db = new BetterSqlite3(path)
  db.exec(
    `INSERT INTO sync_history (id, started_at, status) VALUES ('r1', '${START}', 'running'), ('r2', '2026-01-02T00:00:00.000Z', 'success')`,
  )
  db.exec("INSERT INTO skills (id, name) VALUES ('a/b', 'b')")
  const config = new library.SyncConfigRepository(db)
  const engine = { sync: async () => ({ success: true, errors: [] }) }
  return {
    library,
    db,
    config,
    history: new library.SyncHistoryRepository(db),
    skills: new library.SkillRepository(db),
    service: (options) => new library.BackgroundSyncService(engine, config, options),
  }
}

const lastCount = ({ config }) => config.getConfig().lastSyncCount
const run = ({ history }) => history.getById('r1')

/** What both do alike. */
const ALIKE = {
  'getHistory()': (s) => s.history.getHistory().map(({ id }) => id),
  'getHistory(-1)': (s) => s.history.getHistory(-1).map(({ id }) => id),
  'getHistory(0)': (s) => s.history.getHistory(0),
  'getById(undefined)': (s) => s.history.getById(undefined),
  'getById(null)': (s) => s.history.getById(null),
  'getById(5)': (s) => s.history.getById(5),
  "getById('')": (s) => s.history.getById(''),
  'findById(undefined)': (s) => s.skills.findById(undefined),
  'exists(null)': (s) => s.skills.exists(null),
  'exists(5)': (s) => s.skills.exists(5),
  'setLastSyncError(null)': (s) => (s.config.setLastSyncError('x'), s.config.setLastSyncError(null), s.config.getConfig().lastSyncError),
  'setLastSyncError(undefined)': (s) => (s.config.setLastSyncError(undefined), s.config.getConfig().lastSyncError),
  'updateConfig({ enabled: 0 })': (s) => s.config.updateConfig({ enabled: 0 }).enabled,
  'updateConfig({ enabled: 1 })': (s) => (s.config.disable(), s.config.updateConfig({ enabled: 1 }).enabled),
  'updateConfig({ enabled: undefined })': (s) => s.config.updateConfig({ enabled: undefined }).enabled,
  'calculateNextSync(…, 1.5)': (s) => s.config.calculateNextSync(START, 1.5),
  'calculateNextSync(…, -1)': (s) => s.config.calculateNextSync(START, -1),
  'calculateNextSync(…) past the year 9999': (s) => s.config.calculateNextSync('9999-12-31T00:00:00.000Z', 172_800_000),
  "calculateNextSync('2026-01-01', 1)": (s) => s.config.calculateNextSync('2026-01-01', 1),
  'setLastSync(…) past the year 9999': (s) => {
    s.config.setLastSync('+010000-01-01T00:00:00.000Z', 1)
    return [s.config.getConfig().nextSyncAt, s.config.setFrequency('weekly').nextSyncAt]
  },
  "setLastSync('2026-01-01', 1)": (s) => (s.config.setLastSync('2026-01-01', 1), s.config.getConfig().nextSyncAt),
  "completeRun('none', …)": (s) => s.history.completeRun('none', COUNTS),
  'completeRun(undefined, …)': (s) => s.history.completeRun(undefined, COUNTS),
  'failRun(null, …)': (s) => s.history.failRun(null, 'x'),
  'a Proxy over a class': (s) => {
    const Repository = new Proxy(s.library.SyncConfigRepository, {})
    return new Repository(s.db).getConfig().id
  },
  'getState() of a new service': (s) => s.service().getState(),
  'checkIntervalMs: 1000.5': (s) => s.service({ checkIntervalMs: 1000.5 }).isServiceStarted(),
}

/** What differs, and why. */
const DIFFERENT = {
  'getHistory(1.5)': ['an error that names the argument', (s) => s.history.getHistory(1.5).length],
  "getHistory('1')": ['a text where a number belongs is a mistake', (s) => s.history.getHistory('1').length],
  'getHistory(null)': ['an error that names the argument', (s) => s.history.getHistory(null).length],
  'getById({})': ['an error that names the argument', (s) => s.history.getById({})],
  'setLastSyncError(5)': ['a number would be stored as `5.0`', (s) => (s.config.setLastSyncError(5), s.config.getConfig().lastSyncError)],
  "updateConfig({ enabled: 'no' })": ['any text would switch syncing on', (s) => s.config.updateConfig({ enabled: 'no' }).enabled],
  "updateConfig({ frequency: 'hourly' })": [
    'an error that says what to use',
    (s) => s.config.updateConfig({ frequency: 'hourly' }).frequency,
  ],
  'updateConfig(undefined)': ['an error that names the argument', (s) => s.config.updateConfig(undefined)],
  'setFrequency(undefined)': ['the call would do nothing', (s) => s.config.setFrequency(undefined).frequency],
  'setLastSync(…, 1.5)': ['skills are whole', (s) => (s.config.setLastSync(START, 1.5), lastCount(s))],
  'setLastSync(…, -1)': ['a count is not negative', (s) => (s.config.setLastSync(START, -1), lastCount(s))],
  'setLastSync(…, undefined)': ['an error that names the argument', (s) => s.config.setLastSync(START, undefined)],
  "setLastSync('yesterday', 1)": ['an error that says what to use', (s) => s.config.setLastSync('yesterday', 1)],
  'setLastSync(new Date(0), 1)': ['an error that names the argument', (s) => s.config.setLastSync(new Date(0), 1)],
  'calculateNextSync(…, 9e15)': ['an error that names the value', (s) => s.config.calculateNextSync(START, 9e15)],
  "failRun('r1', null)": ['a failure without a reason helps nobody', (s) => (s.history.failRun('r1', null), run(s).errorMessage)],
  "completeRunPartial('r1', …, null)": ['the same', (s) => (s.history.completeRunPartial('r1', COUNTS, null), run(s).errorMessage)],
  "completeRun('r1', { skillsAdded: 1.5, … })": [
    'skills are whole',
    (s) => (s.history.completeRun('r1', { ...COUNTS, skillsAdded: 1.5 }), run(s).skillsAdded),
  ],
  "completeRun('r1', { skillsAdded: -1, … })": [
    'a count is not negative',
    (s) => (s.history.completeRun('r1', { ...COUNTS, skillsAdded: -1 }), run(s).skillsAdded),
  ],
  "completeRun('r1', { skillsAdded: '3', … })": [
    'a text where a number belongs is a mistake',
    (s) => (s.history.completeRun('r1', { ...COUNTS, skillsAdded: '3' }), run(s).skillsAdded),
  ],
  "completeRun('r1', { skillsAdded: 1 })": ['an error that names the argument', (s) => s.history.completeRun('r1', { skillsAdded: 1 })],
  'cleanup(-1)': ['it would delete the whole history', (s) => s.history.cleanup(-1)],
  'cleanup(1.5)': ['days are whole', (s) => s.history.cleanup(1.5)],
  "cleanup('30')": ['a text where a number belongs is a mistake', (s) => s.history.cleanup('30')],
  'cleanup(null)': ['it would delete the whole history', (s) => s.history.cleanup(null)],
  'cleanup(1e9)': ['an error that names the value', (s) => s.history.cleanup(1e9)],
  "checkIntervalMs: '5'": ['a text where a number belongs is a mistake', (s) => s.service({ checkIntervalMs: '5' }).isServiceStarted()],
  'checkIntervalMs: 0': ['it would check all the time', (s) => s.service({ checkIntervalMs: 0 }).isServiceStarted()],
  "onSyncError: 'log'": ['it could not be called when it is needed', (s) => s.service({ onSyncError: 'log' }).isServiceStarted()],
}

function outcome(library, call) {
  try {
    return JSON.stringify(call(scene(library))) ?? 'undefined'
  } catch ({ name, message }) {
    return `${name}: ${message}`
  }
}

/** The text of an error is the same, its class may be ours. */
const words = (text) => text.replace(/^\w*Error: /, 'Error: ')

describe('alike in both', () => {
  for (const [what, call] of Object.entries(ALIKE)) {
    test(what, () => assert.equal(words(outcome(sync, call)), words(outcome(stack, call))))
  }
})

describe('isOffline that returns another value than true or false', () => {
  for (const [value, isOffline] of [
    [1, true],
    ['yes', true],
    [0, false],
    [undefined, false],
  ]) {
    test(`${value}`, async () => {
      const apiClient = { isOffline: () => value, checkHealth: () => ({ status: 'healthy' }), search: () => ({ data: [] }) }
      const { success } = await new sync.SyncEngine({ db: new sync.Database(':memory:'), apiClient }).sync()
      assert.equal(success, !isOffline)
    })
  }
})

test('docs/migrating.md has every difference, with its reason', () => {
  const cell = (text) => `\`${text.replaceAll('|', '\\|').replaceAll('`', "'")}\``
  const rows = Object.entries(DIFFERENT).map(([what, [reason, call]]) => {
    const [theirs, ours] = [outcome(stack, call), outcome(sync, call)]
    return { what, theirs, ours, row: `| ${cell(what)} | ${cell(theirs)} | ${cell(ours)} | ${reason} |` }
  })
  for (const { what, theirs, ours } of rows) assert.notEqual(ours, theirs, `${what} is alike: it belongs to the others`)
  const file = join(ROOT, 'docs/migrating.md')
  const [before, after] = ['| Call | The TypeScript stack | This package | Why |\n| --- | --- | --- | --- |\n', '\n\n']
  const text = readFileSync(file, 'utf8')
  const start = text.indexOf(before) + before.length
  const end = text.indexOf(after, start)
  assert.ok(start > before.length && end > start, 'the table was not found')
  const table = rows.map(({ row }) => row).join('\n')
  if (process.env.SKILLSMITH_UPDATE_MIGRATING) writeFileSync(file, text.slice(0, start) + table + text.slice(end))
  else assert.equal(text.slice(start, end), table)
})
