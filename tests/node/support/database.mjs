// What tests look at in a database file, by way of better-sqlite3.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'

import { BetterSqlite3 } from './index.mjs'

/** Every row of every table, and the schema: equal dumps mean that nothing has changed. */
export function dump(path) {
  return look(path, (db) => {
    const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").pluck().all()
    const rows = tables.map((name) => [
      name,
      db
        .prepare(`SELECT * FROM "${name}"`)
        .raw()
        .all()
        .map((row) => JSON.stringify(row))
        .sort(),
    ])
    return { schema: db.prepare('SELECT type, name, sql FROM sqlite_master ORDER BY type, name').raw().all(), ...Object.fromEntries(rows) }
  })
}

/** Looks into the file through a connection of its own. */
export function look(path, read) {
  const db = new BetterSqlite3(path, { readonly: true })
  try {
    return read(db)
  } finally {
    db.close()
  }
}

/** SQLite finds nothing wrong, and the full-text index is in step with the table. */
export function assertSound(path) {
  const db = new BetterSqlite3(path)
  try {
    assert.equal(db.pragma('integrity_check', { simple: true }), 'ok')
    db.prepare("INSERT INTO skills_fts (skills_fts, rank) VALUES ('integrity-check', 1)").run()
  } finally {
    db.close()
  }
}

/** The bytes and the mode of a file that no SQLite of this process has open: reading it would drop their locks. */
export function fingerprint(path) {
  if (!existsSync(path)) return null
  return { sha256: createHash('sha256').update(readFileSync(path)).digest('hex'), mode: statSync(path).mode.toString(8) }
}
