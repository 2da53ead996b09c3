import { existsSync } from 'node:fs'

import type { NativeDatabase } from './addon.js'
import { isObject, optionalBoolean, optionalString, options as given, wrongType } from './check.js'
import { attempt, messageOf, SkillsmithSyncError } from './errors.js'
import { type HostDatabase, isClosed, isHostDatabase, pathOf, refusalOfCopy } from './host-database.js'
import { has, hide, INSPECT } from './internals.js'
import { native, variables } from './native.js'

/** Options of a {@link Database}. */
export interface DatabaseOptions {
  /** Whether to open the file read-only. The file must exist then. Default: false. */
  readonly?: boolean | undefined
}

const NATIVE = Symbol('native')

/**
 * An open skill database.
 *
 * Uses its own copy of SQLite. Another copy in the same process, such as better-sqlite3, may safely have the same file open.
 */
export class Database {
  /** @internal */
  declare readonly [NATIVE]: NativeDatabase

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
    hide(
      this,
      NATIVE,
      attempt(() => native.NativeDatabase.open(file, readonly, variables())),
    )
  }

  /** The absolute path, or `:memory:`. */
  get name(): string {
    return this[NATIVE].name
  }

  /** Whether the database is in memory only. */
  get memory(): boolean {
    return this[NATIVE].memory
  }

  /** Whether the database was opened read-only. */
  get readonly(): boolean {
    return this[NATIVE].readonly
  }

  /** Whether the database is open. */
  get open(): boolean {
    return this[NATIVE].isOpen
  }

  /**
   * Closes the database. A running sync still ends normally. Later calls fail with `DATABASE_CLOSED`. Does nothing when
   * already closed.
   */
  close(): void {
    attempt(() => this[NATIVE].close())
  }

  /** @internal Whether it is one of ours, perhaps in a Proxy. */
  static isOurs(database: unknown): database is Database {
    return has(database, NATIVE)
  }

  /** @internal */
  [INSPECT](): string {
    return `Database { ${describe(this[NATIVE])} }`
  }

  /** @internal */
  static handle(database: Database): NativeDatabase {
    return database[NATIVE]
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
  /** The handle of the addon. Throws if the host has closed the object that it passed, or if the database cannot be opened. */
  handle(): NativeDatabase
  /** Whether the database is opened by the first call of `handle`. */
  readonly isLater?: true
}

/** Our connection for each object of the host, so that its repositories share one. */
const hostConnections = new WeakMap<object, Connection>()

export function connect(db: DatabaseLike | undefined, name = 'db'): Connection {
  if (Database.isOurs(db) || db === undefined || typeof db === 'string') {
    const handle = Database.handle(Database.isOurs(db) ? db : new Database(db))
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

/** Stands for a database that is opened when repositories and engines first use it. If that fails, each of their calls throws. */
export function databaseLater(open: () => DatabaseLike): DatabaseLike {
  const database = { name: '' }
  let connection: Connection | undefined
  hostConnections.set(database, {
    isLater: true,
    handle() {
      connection ??= connect(open())
      return connection.handle()
    },
  })
  return database
}

/** Throws a `TypeError` for what {@link connect} could not use, without opening anything. */
export function checkDatabase(db: unknown, name: string): void {
  if (typeof db !== 'string' && !Database.isOurs(db) && !isHostDatabase(db)) throw notADatabase(name, db)
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

/** The name of the property with the connection of our repositories and engines. */
export const CONNECTION = Symbol('connection')

/** How a repository or an engine of ours shows its database. */
export function pathAndState(owner: { readonly [CONNECTION]: Connection }): string {
  try {
    return describe(owner[CONNECTION].handle())
  } catch (thrown) {
    return `closed: ${messageOf(thrown)}`
  }
}

function describe(handle: NativeDatabase): string {
  const state = handle.isOpen ? (handle.readonly ? ', read-only' : '') : ', closed'
  return `'${handle.name}'${state}`
}

/** The connection of a repository: one of ours, or one of the TypeScript stack, whose `db` is a connection. */
export function connectionOf(repository: unknown, name: string): Connection {
  if (isObject(repository)) {
    if (has(repository, CONNECTION)) return (repository as unknown as { [CONNECTION]: Connection })[CONNECTION]
    const refusal = refusalOfCopy(repository.db, `${name}.db`)
    if (refusal) throw refusal
    if (isHostDatabase(repository.db)) return connect(repository.db, `${name}.db`)
  }
  throw wrongType(name, 'a repository with a database', repository)
}
