// Repository calls through a connection of the host: runs the statements of the addon there.

import type { NativeDatabase, StatementValue } from './addon.js'
import { isObject } from './check.js'
import { attempt, messageOf, SkillsmithSyncError } from './errors.js'
import type { TellingConnection } from './host-database.js'
import { native } from './native.js'

/** Calls `body`, whose calls of the addon on `handle` run their statements on `connection`. An error has the host's as its cause. */
export function throughHost<T>(handle: NativeDatabase, connection: TellingConnection, body: () => T): T {
  let refused: { readonly error: unknown } | undefined
  const run = (sql: string, values: StatementValue[], kind: 'query' | 'change' | 'batch'): string => {
    try {
      return answer(connection, sql, values, kind)
    } catch (error) {
      refused ??= { error }
      return JSON.stringify({ code: sqliteCode(error), message: messageOf(error) })
    }
  }
  let outcome: { readonly value: T } | { readonly thrown: unknown } = { thrown: undefined }
  attempt(() =>
    native.throughHost(handle, run, () => {
      try {
        outcome = { value: body() }
      } catch (thrown) {
        outcome = { thrown }
      }
    }),
  )
  const settled = outcome as { readonly value: T } | { readonly thrown: unknown }
  if ('value' in settled) return settled.value
  const { thrown } = settled
  if (refused && thrown instanceof SkillsmithSyncError) {
    throw new SkillsmithSyncError(thrown.message, thrown.code, { cause: refused.error })
  }
  throw thrown
}

/** What the addon expects, as JSON. */
function answer(connection: TellingConnection, sql: string, values: StatementValue[], kind: 'query' | 'change' | 'batch'): string {
  if (kind === 'batch') {
    connection.exec(sql)
    return '0'
  }
  const statement = connection.prepare(sql)
  const bound = values.map(({ integer, real, text }) => (integer === undefined ? (real ?? text ?? null) : BigInt(integer)))
  try {
    if (kind === 'change') return String(statement.run(...bound).changes)
    if (statement.safeIntegers) statement.safeIntegers(true)
    else statement.setReadBigInts?.(true)
    statement.setReturnArrays?.(false)
    return `[${statement
      .all(...bound)
      .map(rowText)
      .join(',')}]`
  } finally {
    statement.finalize?.()
  }
}

function rowText(row: unknown): string {
  const columns = Object.entries(row as object).map(([name, value]) => `${JSON.stringify(name)}:${valueText(value)}`)
  return `{${columns.join(',')}}`
}

/** Half a surrogate pair, which is no text for the addon. */
const HALF = /\p{Surrogate}/gu

function valueText(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.replace(HALF, '\uFFFD'))
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number' && Number.isFinite(value)) return String(value)
  if (value instanceof Uint8Array) return JSON.stringify({ hex: Buffer.from(value).toString('hex') })
  return 'null'
}

/** The names that better-sqlite3 has for SQLite's primary error codes. */
const CODES: Readonly<Record<string, number>> = {
  ERROR: 1,
  PERM: 3,
  ABORT: 4,
  BUSY: 5,
  LOCKED: 6,
  NOMEM: 7,
  READONLY: 8,
  INTERRUPT: 9,
  IOERR: 10,
  CORRUPT: 11,
  FULL: 13,
  CANTOPEN: 14,
  PROTOCOL: 15,
  SCHEMA: 17,
  TOOBIG: 18,
  CONSTRAINT: 19,
  MISMATCH: 20,
  MISUSE: 21,
  AUTH: 23,
  RANGE: 25,
  NOTADB: 26,
}

/** SQLite's code of an error of better-sqlite3 (`code`), node:sqlite (`errcode`) or bun:sqlite (`errno`). */
function sqliteCode(error: unknown): number | undefined {
  if (!isObject(error)) return undefined
  if (typeof error.errcode === 'number') return error.errcode
  if (typeof error.code !== 'string' || !error.code.startsWith('SQLITE_')) return undefined
  return typeof error.errno === 'number' ? error.errno : CODES[error.code.split('_')[1] ?? '']
}
