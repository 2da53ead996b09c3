// Ours (the shared library, by koffi), the host (better-sqlite3 in this very process) and an outsider (another process):
// each has `exec`, `int` and `close`, and throws `Busy` or `Failed`. An outsider's are promises.

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

// The packages of all Node tests are installed in one place.
const require = createRequire(new URL('../../node/package.json', import.meta.url))
const Database = require('better-sqlite3')
const koffi = require('koffi')

export class Busy extends Error {}
export class Failed extends Error {}
export class Violation extends Error {}
export class Broken extends Error {}

// Milliseconds after which a lock counts as somebody else's.
const IMPATIENT = 40

export const COUNT = 'SELECT count(*) FROM entry'

export function insert(writer) {
  return `INSERT INTO entry (writer, n, filler) VALUES ('${writer}', 1, hex(zeroblob(300)))`
}

export function check(holds, text) {
  if (!holds) throw new Violation(text)
}

export function same(found, wanted, text) {
  check(found === wanted, `${text}: ${found}, not ${wanted}`)
}

// Where it is not refused, the transaction that it began stays open.
export async function isBusy(act) {
  try {
    await act()
  } catch (error) {
    if (error instanceof Busy) return true
    throw error
  }
  return false
}

export class Probe {
  constructor(path) {
    const library = koffi.load(path)
    this.open = library.func('void *probe_open(str path, int busy)')
    this.exec = library.func('int probe_exec(void *connection, str sql)')
    this.int = library.func('int64_t probe_int(void *connection, str sql)')
    this.close = library.func('void probe_close(void *connection)')
    this.error = library.func('str probe_error()')
    this.installed = library.func('int probe_installed()')
    this.descriptors = library.func('int64_t probe_descriptors()')
  }
}

export class Ours {
  constructor(probe, path, busy = IMPATIENT) {
    this.probe = probe
    this.handle = probe.open(path, busy)
    if (!this.handle) this.fail()
  }

  fail() {
    const text = this.probe.error()
    throw text.startsWith('DATABASE_BUSY') ? new Busy(text) : new Failed(`ours: ${text}`)
  }

  exec(sql) {
    if (this.probe.exec(this.handle, sql) !== 0) this.fail()
  }

  int(sql) {
    const value = Number(this.probe.int(this.handle, sql))
    if (value === -1) this.fail()
    return value
  }

  rollBack() {
    try {
      this.exec('ROLLBACK')
    } catch (error) {
      if (!error.message.includes('no transaction is active')) throw error
    }
  }

  close() {
    this.probe.close(this.handle)
  }
}

export class Host {
  constructor(path, busy = IMPATIENT) {
    this.database = new Database(path, { timeout: busy })
  }

  run(act) {
    try {
      return act()
    } catch (error) {
      throw error.code?.startsWith('SQLITE_BUSY') ? new Busy(error.message) : new Failed(`host: ${error.code}: ${error.message}`)
    }
  }

  exec(sql) {
    this.run(() => this.database.exec(sql))
  }

  int(sql) {
    return this.run(() => this.database.prepare(sql).pluck().get())
  }

  rollBack() {
    if (this.database.inTransaction) this.exec('ROLLBACK')
  }

  close() {
    this.database.close()
  }
}

export class Outsider {
  static async open(path, busy = IMPATIENT) {
    const it = new Outsider()
    await it.order(`open ${busy} ${path}`)
    return it
  }

  constructor() {
    const program = fileURLToPath(new URL('../python/outsider.py', import.meta.url))
    this.process = spawn('python3', ['-B', program], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.answers = createInterface(this.process.stdout)[Symbol.asyncIterator]()
  }

  async order(line) {
    this.process.stdin.write(`${line}\n`)
    const { value, done } = await this.answers.next()
    if (done) throw new Broken('the outsider is gone')
    const [kind] = value.split(' ', 1)
    const rest = value.slice(kind.length + 1)
    if (kind === 'busy') throw new Busy('outsider')
    if (kind === 'error') throw new Failed(`outsider: ${rest}`)
    return rest
  }

  async exec(sql) {
    await this.order(`exec ${sql}`)
  }

  async int(sql) {
    return Number(await this.order(`int ${sql}`))
  }

  text(sql) {
    return this.order(`text ${sql}`)
  }

  async close() {
    await this.order('close')
    const ended = new Promise((resolve) => this.process.once('exit', resolve))
    this.process.stdin.end()
    await ended
  }
}

export class Rig {
  constructor(library, seconds, mode, folder) {
    if (!['wal', 'delete'].includes(mode)) throw new Broken(`no journal mode '${mode}'`)
    Object.assign(this, { library, seconds: Number(seconds), folder, wal: mode === 'wal' })
    this.probe = new Probe(library)
    this.path = `${folder}/skills.db`
    this.prepare()
    const wanted = process.env.SKILLSMITH_TEST_COEXISTENCE !== 'off'
    if ((this.probe.installed() !== 0) !== wanted) {
      throw new Broken(`the replacement is ${wanted ? 'not ' : ''}installed`)
    }
  }

  // A database with tables to count in, in the right journal mode. An existing one stays.
  prepare() {
    if (existsSync(this.path)) return
    const ours = this.ours()
    ours.exec(
      'CREATE TABLE counter (name TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT;' +
        'CREATE TABLE entry (id INTEGER PRIMARY KEY, writer TEXT, n INTEGER, filler TEXT) STRICT;' +
        "INSERT INTO counter VALUES ('all', 0), ('host', 0), ('ours-1', 0), ('ours-2', 0), ('outsider', 0)",
    )
    if (!this.wal) ours.exec('PRAGMA journal_mode = delete')
    ours.close()
  }

  ours(busy) {
    return new Ours(this.probe, this.path, busy)
  }

  host(busy) {
    return new Host(this.path, busy)
  }

  outsider(busy) {
    return Outsider.open(this.path, busy)
  }

  // In WAL mode neither file may vanish while somebody has the database open.
  filesStand() {
    for (const suffix of this.wal ? ['-wal', '-shm'] : []) {
      check(existsSync(this.path + suffix), `${suffix} vanished`)
    }
  }

  // A fresh process finds every row and no damage, and nobody's lock is left.
  async sound(rows) {
    const fresh = await this.outsider(5000)
    same(await fresh.int(COUNT), rows, 'rows in the end')
    same(await fresh.text('PRAGMA integrity_check'), 'ok', 'integrity')
    // This takes every lock there is, so nobody may have kept one.
    await fresh.exec(this.wal ? 'PRAGMA journal_mode = delete' : 'BEGIN EXCLUSIVE')
    await fresh.close()
  }
}
