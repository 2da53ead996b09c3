// `skillsmith` as the package's bin: the same command line as the program of that name.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, copyFileSync, existsSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { BetterSqlite3, folder, ROOT, sync, until } from './support/index.mjs'
import { AT_ONCE_MS, Place, Program } from './support/processes.mjs'

const BIN = join(ROOT, 'npm/lib/bin.js')
/** The program, as cargo has built it for the other tests; where it is missing, there is nothing to compare with. */
const PROGRAM = join(process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target'), 'debug/skillsmith')

function start(place, args, env) {
  return new Program(process.execPath, [BIN, ...args], { env: place.environment(env) })
}

/** Runs it to the end. */
async function run(place, args, env) {
  const { code, signal, stdout, stderr } = await start(place, args, env).end()
  assert.equal(signal, null)
  return { code, stdout, stderr }
}

const json = async (place, args) => JSON.parse((await run(place, [...args, '--json'])).stdout)

/** A sync that hangs in the middle. */
async function hanging(args = ['sync']) {
  const place = await Place.of(2_000)
  await place.stallFrom(6)
  const program = start(place, args)
  await place.stalled(program)
  await until(() => place.count() > 0, 'the first rows')
  return { place, program }
}

test('sync, and sync again', async () => {
  const place = await Place.of(847)
  assert.deepEqual(await run(place, ['sync']), { code: 0, stdout: 'Synced 847 skills (847 new, 0 updated)\n', stderr: '' })
  await place.registry.post('change?count=23&seed=7')
  const { durationMs, ...result } = await json(place, ['sync'])
  assert.equal(typeof durationMs, 'number')
  assert.deepEqual(result, {
    success: true,
    skillsAdded: 0,
    skillsUpdated: 23,
    skillsUnchanged: 824,
    skillsRejected: 0,
    skillsRemoved: 0,
    totalProcessed: 847,
    errors: [],
    warnings: [],
    coverage: 'complete',
    requests: 10,
    dryRun: false,
  })
  await place.assertComplete()
  place.assertSound()
  assert.deepEqual(await run(place, ['sync', '--quiet']), { code: 0, stdout: '', stderr: '' })
})

test('status, history and config have the shapes of the package', async () => {
  const place = await Place.of(100)
  await run(place, ['sync', '--quiet'])
  const set = await json(place, ['sync', 'config', '--disable', '--frequency', 'weekly'])
  const [config, history, status] = await Promise.all(['config', 'history', 'status'].map((command) => json(place, ['sync', command])))
  const database = new sync.Database(place.path)
  const configRepo = new sync.SyncConfigRepository(database)
  const historyRepo = new sync.SyncHistoryRepository(database)
  const engine = new sync.SyncEngine({ db: database, apiClient: place.registry.client() })
  assert.deepEqual([config.enabled, config.frequency], [false, 'weekly'])
  assert.deepEqual(config, { ...configRepo.getConfig(), requestBudget: configRepo.getRequestBudget() })
  assert.deepEqual(set, config)
  // Entries of the package are exactly those of the TypeScript stack, which removes nothing.
  const ofTheStack = (said) => JSON.parse(JSON.stringify(said, (key, value) => (key === 'skillsRemoved' ? undefined : value)))
  assert.deepEqual(ofTheStack(history), historyRepo.getHistory())
  assert.equal(history[0].skillsRemoved, 0)
  assert.deepEqual(ofTheStack(status), ofTheStack({ ...engine.getStatus(), stats: historyRepo.getStats() }))
  database.close()
})

for (const [code, what, args, prepare, env] of [
  [1, 'a sync that fails', ['sync'], async (place) => void (await place.registry.post('options', { health: 'unhealthy' }))],
  [1, 'offline', ['sync'], undefined, { SKILLSMITH_OFFLINE_MODE: 'true' }],
  [1, 'a database that cannot be opened', ['sync', 'status', '--db', '/dev/null/skills.db']],
  [2, 'an option that does not exist', ['sync', '--nope']],
  [2, 'no command', []],
  [
    3,
    'a row that is no skill',
    ['sync'],
    async (place) => {
      const page = { json: { data: [{ name: 'no id' }] } }
      await place.registry.post('faults', [{ when: { request: 1 }, action: { replace_body: page } }])
    },
  ],
  [
    4,
    'another sync under way',
    ['sync'],
    async (place) => {
      await place.stallFrom(2)
      const engine = new sync.SyncEngine({ db: place.path, apiClient: place.registry.client() })
      const abort = new AbortController()
      const running = engine.sync({ signal: abort.signal })
      await place.stalled()
      return async () => {
        abort.abort()
        await running
      }
    },
  ],
]) {
  test(`exit code ${code}: ${what}`, async () => {
    const place = await Place.of(300)
    const undo = await prepare?.(place)
    const outcome = await run(place, args, env)
    assert.equal(outcome.code, code, JSON.stringify(outcome))
    assert.match(outcome.stderr, /^\S/)
    await undo?.()
  })
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  test(`promise 12: ${signal} stops a sync, keeps what it has, and exits with 130`, async (t) => {
    const { place, program } = await hanging()
    const since = performance.now()
    program.kill(signal)
    const { ms, ...end } = await program.end({ since })
    t.diagnostic(`gone after ${ms} ms`)
    assert.ok(ms < AT_ONCE_MS, `${ms} ms`)
    assert.deepEqual(end, {
      code: 130,
      signal: null,
      stdout: '',
      stderr: `Interrupted. ${place.count()} skills were written and are kept; the next sync continues from there.\n`,
    })
    const [last] = await json(place, ['sync', 'history'])
    assert.deepEqual([last.status, last.errorMessage], ['failed', 'Sync cancelled'])
    await place.assertRecovers(['Sync cancelled'])
  })
}

test('who asks twice does not wait', async (t) => {
  const { place, program } = await hanging()
  // Somebody else writes, so that the end of the run has to wait for the lock.
  const other = new BetterSqlite3(place.path)
  other.exec('BEGIN IMMEDIATE')
  program.kill('SIGINT')
  await new Promise((resolve) => setTimeout(resolve, 300))
  const since = performance.now()
  program.kill('SIGINT')
  const { code, signal, ms } = await program.end({ since })
  t.diagnostic(`gone after ${ms} ms`)
  assert.deepEqual({ code, signal }, { code: 130, signal: null })
  assert.ok(ms < AT_ONCE_MS, `${ms} ms`)
  other.exec('ROLLBACK')
  other.close()
  await place.assertRecovers(['interrupted'])
})

test('SIGKILL during a sync', async () => {
  const { place, program } = await hanging()
  program.kill('SIGKILL')
  assert.equal((await program.end()).signal, 'SIGKILL')
  await place.assertRecovers(['interrupted'])
})

/** A history that fills a pipe many times over. */
async function withLongHistory() {
  const place = await Place.of(20)
  await run(place, ['sync', '--quiet'])
  place.look((database) =>
    database.exec(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
       INSERT INTO sync_history (id, started_at, status, error_message)
       SELECT 'sync-' || i, '2026-01-01T00:00:00.000Z', 'failed', 'some error ' || i FROM n`,
    ),
  )
  return place
}

test('a reader that leaves is no error', async () => {
  const place = await withLongHistory()
  const history = ['sync', 'history', '-l', '20000']
  for (const args of [history, [...history, '--json'], ['completions', 'bash'], ['sync', '--help']]) {
    const child = spawn(process.execPath, [BIN, ...args], { env: place.environment(), stdio: ['ignore', 'pipe', 'pipe'] })
    let stderr = ''
    child.stderr.on('data', (text) => (stderr += text))
    child.stdout.once('data', () => child.stdout.destroy())
    const code = await new Promise((resolve) => child.on('close', resolve))
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' }, args.join(' '))
  }
})

test('a shell sees what head lets through, and no error', async () => {
  const place = await withLongHistory()
  const command = `set -o pipefail; "${process.execPath}" "${BIN}" sync history -l 20000 | head -n 1`
  const { status, stdout, stderr } = spawnSync('bash', ['-c', command], { env: place.environment(), encoding: 'utf8' })
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' })
  assert.match(stdout, /^Started \(UTC\) .*Error\n$/)
})

test('a long output arrives whole, however slowly it is read', async () => {
  const place = await withLongHistory()
  const child = spawn(process.execPath, [BIN, 'sync', 'history', '-l', '20001', '--json'], {
    env: place.environment(),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    text += chunk
    if (text.length < 1_000_000) await new Promise((resolve) => setTimeout(resolve, 5))
  }
  assert.equal(JSON.parse(text).length, 20_001)
  await until(() => child.exitCode !== null, 'the end')
  assert.equal(child.exitCode, 0)
})

test('outputs that are closed do not keep it from syncing', async () => {
  const place = await Place.of(20)
  const child = spawn(process.execPath, [BIN, 'sync'], { env: place.environment(), stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  child.stderr.destroy()
  const code = await new Promise((resolve) => child.on('exit', resolve))
  assert.equal(code, 0)
  assert.equal(place.count(), 20)
})

test('an output that cannot be written is an error', { skip: !existsSync('/dev/full') }, async () => {
  const place = await Place.of(20)
  const full = openSync('/dev/full', 'w')
  const { status, stderr } = spawnSync(process.execPath, [BIN, 'completions', 'bash'], {
    env: place.environment(),
    stdio: ['ignore', full, 'pipe'],
    encoding: 'utf8',
  })
  closeSync(full)
  assert.equal(status, 1)
  assert.match(stderr, /^error: Cannot write the output: /)
})

test('the same words as the program', { skip: !existsSync(PROGRAM) && `${PROGRAM} is missing` }, async () => {
  const place = await Place.of(300)
  await run(place, ['sync', '--quiet'])
  const refusal = { code: 401, body: { error: 'Authentication required' } }
  await place.registry.post('faults', [{ when: { request: 1, times: 0 }, action: { status: refusal } }])
  await run(place, ['sync'])
  const home = folder()
  for (const args of [
    [],
    ['--help'],
    ['--version'],
    ['help', 'sync'],
    ['sync', '--help'],
    ['sync', 'history', '--help'],
    ['sync', 'config', '--help'],
    ...['bash', 'zsh', 'fish', 'elvish', 'powershell'].map((shell) => ['completions', shell]),
    ['completions', 'tcsh'],
    ['sync'],
    ['sync', '--dry-run', '--force'],
    ['sync', '--quiet'],
    ['sync', '--page-size', '0'],
    ['sync', '--page-size', 'many'],
    ['sync', 'status'],
    ['sync', 'status', '--json'],
    ['sync', 'status', '--db', ''],
    ['sync', 'history'],
    ['sync', 'history', '--limit', '1', '--json'],
    ['sync', 'history', '--limit', '-1'],
    ['sync', 'config'],
    ['sync', 'config', '--json'],
    ['sync', 'config', '--frequency', 'hourly'],
    ['sync', 'config', '--enable', '--disable'],
    ['sync', 'ünknown', '✓'],
    ['sync', 'status', '--db', '/dev/null/skills.db'],
    ['sync', 'status', '--db', '/dev/null/skills.db', '--json'],
  ]) {
    // Each has a database of its own, at the same place.
    const outcomes = [[process.execPath, BIN], [PROGRAM]].map(([command, ...first]) => {
      const path = join(home, 'skills.db')
      copyFileSync(place.path, path)
      const { status, stdout, stderr } = spawnSync(command, [...first, ...args], {
        env: place.environment({ SKILLSMITH_DB_PATH: path }),
        encoding: 'utf8',
      })
      return { status, stdout: stdout.replace(/in \d+ ms|about \d+ s/g, ''), stderr }
    })
    assert.deepEqual(outcomes[0], outcomes[1], args.join(' '))
  }
})
