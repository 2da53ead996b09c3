import { existsSync } from 'node:fs'

import type { NativeDatabase } from './addon.js'
import { isObject, optionalBoolean, optionalString, options as given, wrongType } from './check.js'
import { attempt, SkillsmithSyncError } from './errors.js'
import { type HostDatabase, isClosed, isHostDatabase, pathOf, refusalOfCopy } from './host-database.js'
import { native, variables } from './native.js'

/** Options of a {@link Database}. */
export interface DatabaseOptions {
  /** Whether to open the file read-only. The file must exist then. Default: false. */
  readonly?: boolean
}

/**
 * An open skill database.
 *
 * Uses its own copy of SQLite. Another copy in the same process, such as better-sqlite3, may safely have the same file open.
 */
export class Database {
  readonly #native: NativeDatabase

  /**
   * Opens a database. Blocks on the disk. Creates a missing file with the whole schema. Accepts a file of any schema version,
   * and adds the tables for syncing if they are missing.
   *
   * @param path The file, or `:memory:`. Default: `SKILLSMITH_DB_PATH`, else `~/.skillsmith/skills.db`.
   * @throws {@link SkillsmithSyncError} if the file is not a database, is damaged, belongs to another program, or cannot be
   *   accessed. The file is not changed then.
   */
  constructor(path?: string, options?: DatabaseOptions) {
    const file = optionalString('path', path)
    const readonly = optionalBoolean('readonly', given(options).readonly) ?? false
    this.#native = attempt(() => native.NativeDatabase.open(file, readonly, variables()))
  }

  /** The absolute path, or `:memory:`. */
  get name(): string {
    return this.#native.name
  }

  /** Whether the database is in memory only. */
  get memory(): boolean {
    return this.#native.memory
  }

  /** Whether the database was opened read-only. */
  get readonly(): boolean {
    return this.#native.readonly
  }

  /** Whether the database is open. */
  get open(): boolean {
    return this.#native.isOpen
  }

  /**
   * Closes the database. A running sync still ends normally. Later calls fail with `DATABASE_CLOSED`. Does nothing when
   * already closed.
   */
  close(): void {
    attempt(() => this.#native.close())
  }

  /** @internal */
  static handle(database: Database): NativeDatabase {
    return database.#native
  }
}

/**
 * A {@link Database}, a path, or any object that has the path: as `name`, such as a connection of better-sqlite3, as `filename`
 * (`bun:sqlite`), or by `location()` (`node:sqlite` of Node 22.16 and newer; before that, pass `{ name }`).
 *
 * A database of SQLite in WebAssembly, such as sql.js, or a wrapper around one is refused with a `TypeError`: it is a copy of
 * the file in memory, and its next save would undo what a sync has written.
 */
export type DatabaseLike = Database | string | { readonly name: string } | { readonly filename: string } | { location(): string | null }

/** The connection that repositories and engines use. */
export interface Connection {
  /** The handle of the addon. Throws if the host has closed the object that it passed, or if that was refused. */
  handle(): NativeDatabase
  /** Whether `handle` always throws; see {@link refusedDatabase}. */
  readonly isRefused?: true
}

/** Our connection for each object of the host, so that its repositories share one. */
const hostConnections = new WeakMap<object, Connection>()

export function connect(db: DatabaseLike | undefined, name = 'db'): Connection {
  if (db instanceof Database || db === undefined || typeof db === 'string') {
    const handle = Database.handle(db instanceof Database ? db : new Database(db))
    return { handle: () => handle }
  }
  const refusal = refusalOfCopy(db, name)
  if (refusal) throw refusal
  if (!isHostDatabase(db)) throw notADatabase(name, db)
  const existing = hostConnections.get(db)
  if (existing) return existing
  const connection = connectToHost(db, name)
  hostConnections.set(db, connection)
  return connection
}

/** Stands for a database that was refused: repositories and engines accept it, and each of their calls throws `refusal`. */
export function refusedDatabase(refusal: TypeError): DatabaseLike {
  const database = { name: '' }
  const handle = (): never => {
    throw refusal
  }
  hostConnections.set(database, { handle, isRefused: true })
  return database
}

export function notADatabase(name: string, value: unknown): TypeError {
  return wrongType(name, 'a Database, a path, or an object whose name is the path', value)
}

function connectToHost(db: HostDatabase & { readonly?: unknown }, name: string): Connection {
  checkOpen(db)
  const path = pathOf(db)
  if (path === ':memory:' || path === '') {
    throw new SkillsmithSyncError(
      `${name} is an in-memory database of another library and cannot be shared. Pass a file, or new Database(':memory:') from @skillsmith/sync.`,
      'INVALID_ARGUMENT',
    )
  }
  if (!existsSync(path)) {
    throw new SkillsmithSyncError(
      `${name} has the name ${path}, but this file does not exist. Open it with an absolute path.`,
      'INVALID_ARGUMENT',
    )
  }
  const handle = Database.handle(new Database(path, { readonly: db.readonly === true }))
  return {
    handle() {
      checkOpen(db)
      return handle
    },
  }
}

function checkOpen(db: HostDatabase): void {
  if (isClosed(db)) {
    throw new SkillsmithSyncError('The database is closed. Open it again before using it.', 'DATABASE_CLOSED')
  }
}

/** The connections of our repositories and engines. */
const connections = new WeakMap<object, Connection>()

export function setConnection(owner: object, connection: Connection): Connection {
  connections.set(owner, connection)
  return connection
}

/** The connection of a repository: one of ours, or one of the TypeScript stack, whose `db` is a connection. */
export function connectionOf(repository: unknown, name: string): Connection {
  if (isObject(repository)) {
    const connection = connections.get(repository)
    if (connection) return connection
    const refusal = refusalOfCopy(repository.db, `${name}.db`)
    if (refusal) throw refusal
    if (isHostDatabase(repository.db)) return connect(repository.db, `${name}.db`)
  }
  throw wrongType(name, 'a repository with a database', repository)
}
