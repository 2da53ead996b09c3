// One turn of the TypeScript stack: opens a database, does some steps, closes it, and prints what came out.
//
// Usage: node turn.mjs open|create PATH STEPS
// STEPS is a JSON array of arrays, a name from the table below and its arguments. On stdout one JSON array: for each
// step {ok: value} or {error: text}.
import * as stack from './stack.mjs'

const [how, path, steps] = process.argv.slice(2)
const database = { open: stack.openDatabase, create: stack.createDatabase }[how](path)

const once = (make) => {
  let made
  return () => (made ??= make())
}
const config = once(() => new stack.SyncConfigRepository(database))
const history = once(() => new stack.SyncHistoryRepository(database))
const skills = once(() => new stack.SkillRepository(database))
const cache = once(() => new stack.CacheRepository(database))
const search = once(() => new stack.SearchService(database))

const can = {
  version: () => stack.getSchemaVersion(database),
  columns: () => database.prepare("SELECT name FROM pragma_table_info('skills')").pluck().all(),
  check: () => {
    database.prepare("INSERT INTO skills_fts (skills_fts, rank) VALUES ('integrity-check', 1)").run()
    return database.pragma('integrity_check', { simple: true })
  },
  config: (method, ...args) => config()[method](...args),
  history: (method, ...args) => history()[method](...args),
  skills: (method, ...args) => skills()[method](...args),
  cache: (method, ...args) => cache()[method](...args),
  search: (options) => search().search(options),
  similar: (id) => search().findSimilar(id),
  popular: (tier, limit) => search().getPopular(tier, limit),
  sync: (baseUrl, options) => {
    const client = new stack.SkillsmithApiClient({ baseUrl, offlineMode: false })
    return new stack.SyncEngine(client, skills(), config(), history()).sync(options)
  },
}

const outcomes = []
for (const [name, ...args] of JSON.parse(steps)) {
  try {
    outcomes.push({ ok: (await can[name](...args)) ?? null })
  } catch (error) {
    outcomes.push({ error: String(error?.message ?? error) })
  }
}
stack.closeDatabase(database)
console.log(JSON.stringify(outcomes))
