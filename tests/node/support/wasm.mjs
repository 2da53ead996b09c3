// SQLite in WebAssembly: the two packages that hosts take, and a wrapper of the kind that the TypeScript stack has.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const load = (name) => {
  const module = require(name)
  return (module.default ?? module)()
}

/** The build that the TypeScript stack takes, with FTS5. */
export const withFts5 = await load('fts5-sql-bundle')
/** The usual one, without. */
export const sqlJs = await load('sql.js')

/** As the stack's: what better-sqlite3 has, over a copy of the file that is saved when it is closed. */
export class CopyOfFile {
  #open = true
  readonly = false
  memory = false

  constructor(path, SQL = withFts5) {
    this.name = path
    this.db = new SQL.Database(readFileSync(path))
  }

  get native() {
    return this.db
  }

  get open() {
    return this.#open
  }

  export() {
    return this.db.export()
  }
}
