import { existsSync } from 'node:fs'

import type { NativeDatabase } from './addon.js'
import { isObject, optionalBoolean, optionalString, options as given, wrongType } from './check.js'
import { attempt, SkillsmithSyncError } from './errors.js'
import { native, variables } from './native.js'

/** How a {@link Database} is opened. */
export interface DatabaseOptions {
  /** Never write anything into the file; it must exist. Default: false. */
  readonly?: boolean
}

/**
 * An open skill database, with a SQLite of this library's own.
 *
 * Another SQLite of the process, such as better-sqlite3, may have the same file open: neither harms the other.
 */
export class Database {
  readonly #native: NativeDatabase

  /**
   * Opens a database; blocks on the disk. A missing file is created complete, an existing one of any version used as it is.
   *
   * @param path The file, or `:memory:`. Default: `SKILLSMITH_DB_PATH`, else `~/.skillsmith/skills.db`.
   * @throws {@link SkillsmithSyncError} where the file is no database, damaged, some other program's, or not permitted; it is then left as it is.
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

  /** Whether it is in memory only. */
  get memory(): boolean {
    return this.#native.memory
  }

  /** Whether it was opened read-only. */
  get readonly(): boolean {
    return this.#native.readonly
  }

  /** Whether it has not been closed yet. */
  get open(): boolean {
    return this.#native.isOpen
  }

  /** Closes it; a sync that is under way ends normally. Later calls that need it fail with `DATABASE_CLOSED`. Closing twice is fine. */
  close(): void {
    attempt(() => this.#native.close())
  }

  /** @internal */
  static handle(database: Database): NativeDatabase {
    return database.#native
  }
}

/**
 * A database: one of this library, a path, or any object whose `name` is the path, such as a connection of better-sqlite3.
 */
export type DatabaseLike = Database | string | { readonly name: string }

/** A database as the repositories use it: ours, and the host's object that stands for it. */
export interface Link {
  /** The addon's handle; throws where the host has closed its object. */
  use(): NativeDatabase
}

/** Repositories of one connection of the host's share one of ours. */
const links = new WeakMap<object, Link>()

export function linkTo(db: DatabaseLike | undefined, name = 'db'): Link {
  if (db instanceof Database || db === undefined || typeof db === 'string') {
    const handle = Database.handle(db instanceof Database ? db : new Database(db))
    return { use: () => handle }
  }
  if (!isObject(db) || typeof db.name !== 'string') {
    throw noDatabase(name, db)
  }
  const known = links.get(db)
  if (known) return known
  const link = linkToHost(db, name)
  links.set(db, link)
  return link
}

export function noDatabase(name: string, value: unknown): TypeError {
  return wrongType(name, 'a Database, a path, or an object whose name is the path', value)
}

function linkToHost(db: { readonly name: string; open?: unknown; readonly?: unknown }, name: string): Link {
  if (db.name === ':memory:' || db.name === '') {
    throw new SkillsmithSyncError(
      `${name} is an in-memory database of another library, which cannot be shared. Use a file, or new Database(':memory:') of @skillsmith/sync.`,
      'INVALID_ARGUMENT',
    )
  }
  checkOpen(db)
  if (!existsSync(db.name)) {
    throw new SkillsmithSyncError(
      `${name} is named ${db.name}, and there is no such file here. Open it with an absolute path.`,
      'INVALID_ARGUMENT',
    )
  }
  const handle = Database.handle(new Database(db.name, { readonly: db.readonly === true }))
  return {
    use() {
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

/** The links of our repositories, and so of the engines that are made of them. */
const held = new WeakMap<object, Link>()

export function hold(owner: object, link: Link): Link {
  held.set(owner, link)
  return link
}

/** The database behind a repository: one of ours, or of the TypeScript stack, whose `db` is a connection. */
export function linkBehind(repository: unknown, name: string): Link {
  if (isObject(repository)) {
    const link = held.get(repository)
    if (link) return link
    if (isObject(repository.db) && typeof repository.db.name === 'string') {
      return linkTo(repository.db as { name: string }, `${name}.db`)
    }
  }
  throw wrongType(name, 'a repository with a database', repository)
}
