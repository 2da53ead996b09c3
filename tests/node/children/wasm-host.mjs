// A host whose SQLite is WebAssembly: it reads the whole file when it opens it, works on that copy, and saves by renaming the
// copy over the file: node wasm-host.mjs PATH
//
// Each line on stdin is a number and a step; it tells the number and what came out. The steps: `open`, `write ID` (a skill of the
// user's own), `count` (the skills of its copy), `save`, `close` (which saves), and `check`, which looks at the file at the path
// by better-sqlite3, as any other program would.

import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

import BetterSqlite3 from 'better-sqlite3'

import { withFts5 } from '../support/wasm.mjs'
import { tell } from './tell.mjs'

const [path] = process.argv.slice(2)
let copy

function save() {
  writeFileSync(`${path}.tmp`, copy.export())
  renameSync(`${path}.tmp`, path)
}

const steps = {
  open: () => {
    copy = new withFts5.Database(readFileSync(path))
  },
  write: (id) => copy.run("INSERT INTO skills (id, name, source) VALUES (?, 'of the host', 'local')", [id]),
  count: () => copy.exec('SELECT count(*) FROM skills')[0].values[0][0],
  save,
  close: () => {
    save()
    copy.close()
  },
  check: () => {
    const db = new BetterSqlite3(path)
    try {
      db.prepare("INSERT INTO skills_fts (skills_fts, rank) VALUES ('integrity-check', 1)").run()
      return {
        integrity: db.pragma('integrity_check', { simple: true }),
        skills: db.prepare('SELECT count(*) FROM skills').pluck().get(),
        own: db.prepare("SELECT id FROM skills WHERE source = 'local' ORDER BY id").pluck().all(),
      }
    } finally {
      db.close()
    }
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const [number, step, ...args] = line.split(' ')
  tell(number, { value: steps[step](...args) })
}
