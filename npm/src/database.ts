import { existsSync, realpathSync } from 'node:fs'

import type { NativeDatabase } from './addon.js'
import { isObject, isUrl, optionalBoolean, optionalPath, options as given, tellIgnored, wrongType } from './check.js'
import { attempt, messageOf, SkillsmithSyncError } from './errors.js'
import { type HostDatabase, isClosed, isHostDatabase, isTaken, pathOf, refusalOfCopy, tellingConnection } from './host-database.js'
import { disposable, has, hide, INSPECT } from './internals.js'
import { native, variables } from './native.js'
import { throughHost } from './through-host.js'

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
  constructor(path?: string | URL, options?: DatabaseOptions) {
    const file = optionalPath('path', path)
    const readonly = optionalBoolean('readonly', tellIgnored('new Database', given(options), ['readonly']).readonly) ?? false
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

  /** Closes it at the end of a block: {@link Database.close}, for `using`. Missing where the runtime has no `Symbol.dispose`. */
  declare readonly [Symbol.dispose]: () => void

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

disposable(Database, 'dispose', (database) => database.close())

/**
 * A {@link Database}, a path (also as a `URL` of a file), or any object that has the path: as `name`, such as a connection of better-sqlite3, as `filename`
 * (`bun:sqlite`), or by `location()` (`node:sqlite` of Node 22.16 and newer; before that, pass `{ name }`).
 *
 * While such a connection is in a transaction (`inTransaction`, `isTransaction`) or has the file to itself
 * (`locking_mode = EXCLUSIVE`), calls of repositories run on it, and commit or roll back with it. Otherwise they have a connection of
 * their own, which stays open: a host that wants the file to itself sets that before its first call. An engine's `sync` has a
 * connection of its own in any case.
 *
 * A database of SQLite in WebAssembly, such as sql.js, or a wrapper around one is refused with a `TypeError`: it is a copy of
 * the file in memory, and its next save would undo what a sync has written.
 */
export type DatabaseLike =
  | Database
  | string
  | URL
  | { readonly name: string }
  | { readonly filename: string }
  | { location(): string | null }

/** The connection that repositories and engines use. */
export interface Connection {
  /** The handle of the addon. Throws if the host has closed the object that it passed, or if the database cannot be opened. */
  handle(): NativeDatabase
  /** Runs a short call, on the host's own connection while that is in a transaction or has the file to itself. */
  call<T>(body: (handle: NativeDatabase) => T): T
  /** Whether the database is opened by the first call of `handle`. */
  readonly isLater?: true
  /** Closes the database, if it was opened for this connection alone. */
  close?(): void
}

/** Our connection for each object of the host, so that its repositories share one. */
const hostConnections = new WeakMap<object, Connection>()

export function connect(db: DatabaseLike | undefined, name = 'db'): Connection {
  if (Database.isOurs(db)) {
    const handle = Database.handle(db)
    return { handle: () => handle, call: (body) => body(handle) }
  }
  if (db === undefined || isPath(db)) {
    const own = new Database(db)
    const handle = Database.handle(own)
    return { handle: () => handle, call: (body) => body(handle), close: () => own.close() }
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
  let made: Connection | undefined
  const connection = (): Connection => {
    made ??= connect(open())
    return made
  }
  hostConnections.set(database, {
    isLater: true,
    handle: () => connection().handle(),
    call: (body) => connection().call(body),
  })
  return database
}

/** Whether `db` says by itself where the file is. */
export function isPath(db: unknown): db is string | URL {
  return typeof db === 'string' || isUrl(db)
}

/** Throws a `TypeError` for what {@link connect} could not use, without opening anything. */
export function checkDatabase(db: unknown, name: string): void {
  if (!isPath(db) && !Database.isOurs(db) && !isHostDatabase(db)) throw notADatabase(name, db)
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
  const telling = tellingConnection(db)
  const handle = sharedHandle(realpathSync(path), db.readonly === true, telling !== undefined && isTaken(telling))
  return {
    handle() {
      checkOpen(db)
      return handle
    },
    call(body) {
      checkOpen(db)
      return telling && isTaken(telling) ? throughHost(handle, telling, () => body(handle)) : body(handle)
    },
  }
}

/**
 * The handles behind connections of hosts: one for each file. A server may open a connection for each request, and ours would
 * otherwise be open until the garbage collector comes, which knows nothing of descriptors.
 */
const sharedHandles = new Map<string, WeakRef<NativeDatabase>>()

/**
 * Its connection is closed between calls, because the host's may want the file to itself (`PRAGMA locking_mode = EXCLUSIVE`). A
 * file that is `taken` is opened later: opening it now could only wait in vain.
 */
function sharedHandle(path: string, readonly: boolean, taken: boolean): NativeDatabase {
  const key = `${readonly ? 'r' : 'w'} ${path}`
  const existing = sharedHandles.get(key)?.deref()
  if (existing?.isOpen) return existing
  const handle = attempt(() => native.NativeDatabase.besideHost(path, readonly, taken))
  for (const [other, reference] of sharedHandles) if (!reference.deref()) sharedHandles.delete(other)
  sharedHandles.set(key, new WeakRef(handle))
  return handle
}

function checkOpen(db: HostDatabase): void {
  if (isClosed(db)) {
    throw new SkillsmithSyncError('The database is closed. Open it again before using it.', 'DATABASE_CLOSED')
  }
}

/** The name of the property with the connection of our repositories and engines. */
export const CONNECTION = Symbol('connection')

/** The connection of one repository or engine, which can be closed by itself. */
export function closable(connection: Connection, what: string): Connection {
  let isClosed = false
  const check = (): void => {
    if (isClosed) throw new SkillsmithSyncError(`The ${what} is closed. Create another one.`, 'DATABASE_CLOSED')
  }
  return {
    ...(connection.isLater && { isLater: true }),
    handle() {
      check()
      return connection.handle()
    },
    call(body) {
      check()
      return connection.call(body)
    },
    close() {
      isClosed = true
      connection.close?.()
    },
  }
}

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
