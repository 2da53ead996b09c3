// Processes that the tests start, watch from outside and look after: what a process has left behind on the disk.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { after } from 'node:test'

import { BetterSqlite3, cleanEnvironment, folder, newPath, registry, ROOT, sync, until } from './index.mjs'

/** How soon "at once" is. A loaded machine may be slow; a run of these tests otherwise goes on for a minute and more. */
export const AT_ONCE_MS = 3_000
/** `.ci/run` repeats more often what ends at random moments. */
export const IS_LONG = process.env.SKILLSMITH_LONG_TESTS === '1'

// So that the example and the children import the package as any host does.
const link = join(ROOT, 'tests/node/node_modules/@skillsmith/sync')
try {
  mkdirSync(dirname(link), { recursive: true })
  symlinkSync(join(ROOT, 'npm'), link, 'junction')
} catch (error) {
  if (error.code !== 'EEXIST') throw error
}

/**
 * Starts a program; what it says is collected. Its descriptor 3 is for what it tells the test, a line each, so that
 * its stdout stays its own.
 */
export class Program {
  stdout = ''
  stderr = ''
  #told = []
  #ended = false

  constructor(command, args, { env, cwd, stdin = 'pipe' } = {}) {
    this.child = spawn(command, args, { env, cwd, stdio: [stdin, 'pipe', 'pipe', 'pipe'] })
    after(() => this.child.kill('SIGKILL'))
    this.child.stdout.setEncoding('utf8').on('data', (text) => (this.stdout += text))
    this.child.stderr.setEncoding('utf8').on('data', (text) => (this.stderr += text))
    createInterface({ input: this.child.stdio[3] }).on('line', (line) => this.#told.push({ line, at: performance.now() }))
    // It may be gone when it is spoken to.
    this.child.stdin?.on('error', () => {})
    let gone
    this.child.on('exit', () => {
      gone = performance.now()
      this.#ended = true
    })
    this.ended = new Promise((resolve, reject) => {
      this.child.on('error', reject)
      this.child.on('close', (code, signal) => resolve({ code, signal, stdout: this.stdout, stderr: this.stderr, at: gone }))
    })
  }

  /** Waits until it tells that; resolves to the rest of the line. */
  async tells(word) {
    await until(() => {
      if (this.#find(word)) return true
      this.assertAlive()
      return false
    }, `"${word}"`)
    return this.#find(word).line.slice(word.length + 1)
  }

  /** It has not ended yet, which is early. */
  assertAlive() {
    const { exitCode, signalCode } = this.child
    if (this.#ended) throw new Error(`it has ended early, with ${exitCode ?? signalCode}\n${this.stdout}${this.stderr}`)
  }

  /** The rest of every line that tells that. */
  allTold(word) {
    return this.#told.filter(({ line }) => line.startsWith(`${word} `)).map(({ line }) => line.slice(word.length + 1))
  }

  /** When it told that. */
  toldAt(word) {
    return this.#find(word).at
  }

  #find(word) {
    return this.#told.find(({ line }) => line === word || line.startsWith(`${word} `))
  }

  say(line) {
    this.child.stdin.write(`${line}\n`)
  }

  kill(signal) {
    this.child.kill(signal)
  }

  /** How it ends, which must be soon; `ms` counts from now, or from `since`. */
  async end({ since = performance.now(), within = 15_000 } = {}) {
    const timer = setTimeout(() => this.child.kill('SIGKILL'), within)
    const { at, ...end } = await this.ended
    clearTimeout(timer)
    const ms = Math.max(0, Math.round(at - since))
    assert.ok(ms < within, `was still there after ${within} ms and had to be killed\n${end.stdout}${end.stderr}`)
    return { ...end, ms }
  }
}

/** A database that does not exist yet, a registry for it, and what both look like afterwards. */
export class Place {
  path = newPath()
  home = folder()

  static async of(skills, options) {
    const place = new Place()
    place.registry = await registry(skills, options)
    return place
  }

  /** From this listing on, no answer comes to an end: a sync would go on for two minutes. */
  async stallFrom(request) {
    await this.registry.post('faults', [{ when: { request, times: 0 }, action: { stall_after: { bytes: 100 } } }])
    this.stalledAt = request
  }

  /** Waits until the sync of that program hangs there. */
  async stalled(program) {
    await until(async () => {
      program?.assertAlive()
      return (await this.listings()) >= this.stalledAt
    }, 'the stall')
  }

  /** How many listings have been asked for. */
  async listings() {
    return (await this.registry.get('requests')).filter(({ path }) => path.includes('skills-search')).length
  }

  /** The registry is well again. */
  async heal() {
    await this.registry.post('options', { delay_ms: 0 })
    const answer = await fetch(`${new URL(this.registry.baseUrl).origin}/_control/faults`, { method: 'DELETE' })
    assert.ok(answer.ok)
  }

  environment(more = {}) {
    return cleanEnvironment(this.home, { SKILLSMITH_DB_PATH: this.path, ...this.registry.variables, ...more })
  }

  /** One of the scripts in `children`. */
  start(child, args = [], { flags = [], env = {}, ...options } = {}) {
    const script = join(ROOT, 'tests/node/children', child)
    return new Program(process.execPath, [...flags, script, ...args], { env: this.environment(env), ...options })
  }

  /** Looks at the database as another program. */
  look(read) {
    const database = new BetterSqlite3(this.path)
    try {
      return read(database)
    } finally {
      database.close()
    }
  }

  /** The stored skills. */
  count() {
    return this.look((database) => database.prepare('SELECT count(*) FROM skills').pluck().get())
  }

  /** The runs, the newest first. */
  runs() {
    return this.look((database) =>
      database.prepare('SELECT status, error_message AS error FROM sync_history ORDER BY started_at DESC, rowid DESC').all(),
    )
  }

  assertSound() {
    this.look((database) => {
      assert.equal(database.pragma('integrity_check', { simple: true }), 'ok')
      database.prepare("INSERT INTO skills_fts (skills_fts, rank) VALUES ('integrity-check', 1)").run()
    })
  }

  /** Every skill of the registry is stored as it is there, and nothing else. */
  async assertComplete() {
    const byId = (a, b) => (a.id < b.id ? -1 : 1)
    const wanted = (await this.registry.get('skills')).map((skill) => ({
      id: skill.id,
      name: skill.name,
      description: skill.description ?? null,
      author: skill.author ?? null,
      trust_tier: skill.trust_tier ?? 'unknown',
      tags: JSON.stringify(skill.tags ?? []),
      updated_at: skill.updated_at,
    }))
    const stored = this.look((database) =>
      database.prepare('SELECT id, name, description, author, trust_tier, tags, updated_at FROM skills').all(),
    )
    assert.deepEqual(stored.sort(byId), wanted.sort(byId))
  }

  /**
   * After a process has ended somehow: the database is sound, the next sync completes it, and the history tells of both.
   *
   * `died` is what may stand there for the run that was cut short; by default, that nobody could write it down.
   */
  async assertRecovers(died = ['interrupted']) {
    this.assertSound()
    await this.heal()
    const database = new sync.Database(this.path)
    const result = await new sync.SyncEngine({ db: database, apiClient: this.registry.client() }).sync()
    database.close()
    assert.deepEqual([result.success, result.errors], [true, []])
    this.assertSound()
    await this.assertComplete()
    const [last, before, ...more] = this.runs()
    assert.deepEqual(last, { status: 'success', error: null })
    assert.equal(before?.status, 'failed')
    assert.ok(died.includes(before.error), `${before.error} is not one of ${died.join(', ')}`)
    assert.deepEqual(more, [])
  }
}
