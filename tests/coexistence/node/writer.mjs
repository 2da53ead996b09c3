// Commits as often as it can: on the main thread through better-sqlite3, in worker threads through our library.

import { closeSync, openSync, writeSync } from 'node:fs'
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { Busy, Failed, Ours, Probe } from './parties.mjs'

// After each commit, or the others sleep in their busy handlers while one of them hogs the lock.
const PAUSE_MS = 1

// SQLite's waiting is not fair: who had no turn in time goes on for so long.
const GRACE_MS = 30_000

const sleeper = new Int32Array(new SharedArrayBuffer(4))

// `open` gives a new connection. With `marks`, that file gets a byte for each commit.
export function write({ name, reopen, seconds, marks, open }) {
  const sql =
    `BEGIN IMMEDIATE; UPDATE counter SET n = n + 1 WHERE name IN ('all', '${name}');` +
    'INSERT INTO entry (writer, n, filler) SELECT name, n, hex(zeroblob(abs(random()) % 500)) ' +
    `FROM counter WHERE name = '${name}'; COMMIT`
  const file = marks && openSync(marks, 'a')
  const end = performance.now() + seconds * 1000
  let commits = 0
  let connection
  while (performance.now() < end + (commits === 0 ? GRACE_MS : 0)) {
    try {
      connection ??= open()
      connection.exec(sql)
      commits++
      if (file) writeSync(file, '.')
      if (reopen && commits % reopen === 0) {
        if (commits % (3 * reopen) === 0) connection.exec('PRAGMA wal_checkpoint(TRUNCATE)')
        connection.close()
        connection = undefined
      }
      Atomics.wait(sleeper, 0, 0, PAUSE_MS)
    } catch (error) {
      if (!(error instanceof Busy)) throw error
      connection?.rollBack()
    }
  }
  connection?.close()
  if (file) closeSync(file)
  return commits
}

function inWorker({ library, path, once, ...rest }) {
  const probe = new Probe(library)
  const open = () => new Ours(probe, path, 10_000)
  if (!once) return write({ ...rest, open })
  const connection = open()
  connection.exec(once)
  connection.close()
  return 1
}

if (!isMainThread) {
  try {
    parentPort.postMessage({ commits: inWorker(workerData) })
  } catch (error) {
    if (!(error instanceof Failed || error instanceof Busy)) throw error
    parentPort.postMessage({ failure: error.message })
  }
}
