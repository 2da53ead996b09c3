import { existsSync } from 'node:fs'

import type { NativeDatabase } from './addon.js'
import { isObject, optionalBoolean, optionalString, options as given, wrongType } from './check.js'
import { attempt, SkillsmithSyncError } from './errors.js'
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

/** A {@link Database}, a path, or any object whose `name` is the path, such as a connection of better-sqlite3. */
export type DatabaseLike = Database | string | { readonly name: string }

/** The connection that repositories and engines use. */
export interface Connection {
  /** The handle of the addon. Throws if the host has closed the object that it passed. */
  handle(): NativeDatabase
}

/** Our connection for each object of the host, so that its repositories share one. */
const hostConnections = new WeakMap<object, Connection>()

export function connect(db: DatabaseLike | undefined, name = 'db'): Connection {
  if (db instanceof Database || db === undefined || typeof db === 'string') {
    const handle = Database.handle(db instanceof Database ? db : new Database(db))
    return { handle: () => handle }
  }
  if (!isObject(db) || typeof db.name !== 'string') {
    throw notADatabase(name, db)
  }
  const existing = hostConnections.get(db)
  if (existing) return existing
  const connection = connectToHost(db, name)
  hostConnections.set(db, connection)
  return connection
}

export function notADatabase(name: string, value: unknown): TypeError {
  return wrongType(name, 'a Database, a path, or an object whose name is the path', value)
}

function connectToHost(db: { readonly name: string; open?: unknown; readonly?: unknown }, name: string): Connection {
  if (db.name === ':memory:' || db.name === '') {
    throw new SkillsmithSyncError(
      `${name} is an in-memory database of another library and cannot be shared. Pass a file, or new Database(':memory:') from @skillsmith/sync.`,
      'INVALID_ARGUMENT',
    )
  }
  checkOpen(db)
  if (!existsSync(db.name)) {
    throw new SkillsmithSyncError(
      `${name} has the name ${db.name}, but this file does not exist. Open it with an absolute path.`,
      'INVALID_ARGUMENT',
    )
  }
  const handle = Database.handle(new Database(db.name, { readonly: db.readonly === true }))
  return {
    handle() {
      checkOpen(db)
      return handle
    },
  }
}

function checkOpen(db: { open?: unknown }): void {
  if (db.open === false) {
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
    if (isObject(repository.db) && typeof repository.db.name === 'string') {
      return connect(repository.db as { name: string }, `${name}.db`)
    }
  }
  throw wrongType(name, 'a repository with a database', repository)
}
