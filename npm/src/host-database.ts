// What is read from the database object of a host, by its shape: better-sqlite3, node:sqlite, bun:sqlite, sql.js, or a wrapper
// around one of them.

import { hasMethods, isObject, refusal } from './check.js'
import type { Database, DatabaseLike } from './database.js'

/** A database of the host, by the member that has its path. */
export type HostDatabase = Exclude<DatabaseLike, Database | string | URL>

/** Whether `db` can tell its path. */
export function isHostDatabase(db: unknown): db is HostDatabase {
  return isObject(db) && (textOf(db, 'name') !== undefined || textOf(db, 'filename') !== undefined || hasMethods(db, 'location'))
}

/** A member that is a text. What somebody has put on `Object.prototype` says nothing of this object. */
function textOf(db: object, member: string): string | undefined {
  if (member in Object.prototype && !hasBelowRoot(db, member)) return undefined
  const value: unknown = Reflect.get(db, member)
  return typeof value === 'string' ? value : undefined
}

/** Whether an object, or a prototype of it but the last, has a member. */
function hasBelowRoot(object: object, member: string): boolean {
  for (let at: object | null = object; at; at = Object.getPrototypeOf(at)) {
    if (Object.hasOwn(at, member)) return at !== Object.prototype
  }
  return false
}

/**
 * The path; empty or `:memory:` if the database is in memory. SQLite has it as it was when the file was opened: the name may be a
 * relative one, and the process may have changed its folder since.
 */
export function pathOf(db: HostDatabase): string {
  return openedPath(db) ?? namedPath(db)
}

function openedPath(db: HostDatabase): string | undefined {
  try {
    const connection = tellingConnection(db)
    const rows = connection ? rowsOf(connection, 'PRAGMA database_list') : []
    // The columns are seq, name and file; a host may have rows as arrays.
    const [, , file] = rows.map((row) => Object.values(row as object)).find(([, name]) => name === 'main') ?? []
    return typeof file === 'string' && file !== '' ? file : undefined
  } catch {
    // In the middle of a statement, or closed.
    return undefined
  }
}

/**
 * The rows of a statement that is used once. bun:sqlite keeps the connection open, after the host has closed it, until each of its
 * statements is finalized or collected.
 */
function rowsOf(connection: TellingConnection, sql: string): unknown[] {
  const statement = connection.prepare(sql)
  try {
    return statement.all()
  } finally {
    statement.finalize?.()
  }
}

function namedPath(db: HostDatabase): string {
  return textOf(db, 'name') ?? textOf(db, 'filename') ?? ('location' in db ? (db.location() ?? '') : '')
}

/** Whether the host has closed `db`. node:sqlite has a method `open`, and says it with `isOpen`. */
export function isClosed(db: object): boolean {
  return ('open' in db && db.open === false) || ('isOpen' in db && db.isOpen === false)
}

/**
 * Why a database of SQLite in WebAssembly is refused; `undefined` for every other value.
 *
 * Such a database is a copy of the file in memory. The host later replaces the file with its copy, without what we have written.
 */
export function refusalOfCopy(db: unknown, name: string): TypeError | undefined {
  if (!isObject(db) || !isCopyInMemory(db)) return undefined
  return refusal(
    new TypeError(
      `${name} is a copy of the database in memory (SQLite in WebAssembly, such as sql.js). Its next save would undo what a sync has written ` +
        'to the file. Open the file with better-sqlite3 instead. Or pass its path, close this database before the sync, and restart the ' +
        'session afterwards, so that it reads the file again.',
    ),
  )
}

/** `export` returns such a copy as bytes. Only a connection outside of WebAssembly can load extensions. */
function isCopyInMemory(db: Record<PropertyKey, unknown>): boolean {
  const connections = [db, ...wrappedBy(db)]
  return connections.some((one) => hasMethods(one, 'export')) && !connections.some((one) => hasMethods(one, 'loadExtension'))
}

/** A connection that runs statements and tells whether it is in a transaction. */
export interface TellingConnection {
  /** better-sqlite3 and bun:sqlite. */
  readonly inTransaction?: boolean
  /** node:sqlite of Node 22.16 and newer. */
  readonly isTransaction?: boolean
  exec(sql: string): unknown
  prepare(sql: string): {
    all(...values: unknown[]): unknown[]
    run(...values: unknown[]): { readonly changes: number | bigint }
    /** bun:sqlite. */
    finalize?(): void
    /** better-sqlite3. */
    safeIntegers?(on: boolean): unknown
    /** node:sqlite. */
    setReadBigInts?(on: boolean): unknown
    setReturnArrays?(on: boolean): unknown
  }
}

/** `db`, or what it is a wrapper of, if it is such a connection. */
export function tellingConnection(db: object): TellingConnection | undefined {
  const connections = [db, ...wrappedBy(db as Record<PropertyKey, unknown>)]
  return connections.find((one): one is TellingConnection => {
    if (!hasMethods(one, 'prepare', 'exec')) return false
    const { inTransaction, isTransaction } = one as TellingConnection
    return typeof inTransaction === 'boolean' || typeof isTransaction === 'boolean'
  })
}

/**
 * Whether another connection could not write now, or would not take part in what this one does: it is in a transaction, or has
 * the file to itself.
 */
export function isTaken(connection: TellingConnection): boolean {
  try {
    if (connection.inTransaction === true || connection.isTransaction === true) return true
    const [row] = rowsOf(connection, 'PRAGMA main.locking_mode')
    return isObject(row) && Object.values(row)[0] === 'exclusive'
  } catch {
    // In the middle of a statement, which calls an SQL function of the host.
    return false
  }
}

/** What `db` may be a wrapper of. The wrappers of the TypeScript stack have `native`; others have a property of their own. */
function wrappedBy(db: Record<PropertyKey, unknown>): unknown[] {
  // Without calling getters.
  const own = Object.values(Object.getOwnPropertyDescriptors(db)).map(({ value }) => value as unknown)
  return [db.native, db.db, ...own.filter((value) => hasMethods(value, 'prepare'))]
}
