// Searches in a process of its own: node search-one.mjs ours|typescript|empty DATABASE CASE. Prints what they cost.
//
// CASE is JSON: `words`, of which the first is searched for in the first call and each other one in a later call, and `list`, the
// ids behind which a page begins, instead.

import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const [who, path, text] = process.argv.slice(2)
const { words, list } = JSON.parse(text)
const root = join(dirname(fileURLToPath(import.meta.url)), '../../..')
const LIMIT = 20
const PAGE = 100

/** Opens the file, and gives a function that returns how many were found. */
const open = await { ours, typescript, empty: () => () => () => 0 }[who]()

const cost = (call) => {
  const cpu = process.cpuUsage()
  const start = performance.now()
  const found = call()
  const { user, system } = process.cpuUsage(cpu)
  return { cpu: (user + system) / 1_000, wall: performance.now() - start, found }
}

let ask
const opened = cost(() => {
  ask = open()
})
const [first, ...later] = (words ?? list).map((one, page) => cost(() => ask(one, page)))
console.log(JSON.stringify({ opened, first, later, peak: process.resourceUsage().maxRSS / 1_024 }))

async function ours() {
  const require = createRequire(import.meta.url)
  const { Database, SkillRepository } = require(join(root, 'npm'))
  return () => {
    const skills = new SkillRepository(new Database(path))
    return words
      ? (word) => skills.search(word, { limit: LIMIT }).matches.length
      : (after) => skills.list({ after, limit: PAGE }).skills.length
  }
}

/** The stack pages by offset, and has no order by id. */
async function typescript() {
  const load = (file) => import(pathToFileURL(join(root, 'tests/node/node_modules/@skillsmith/core/dist/src', file)).href)
  const [schema, search, skills] = await Promise.all(
    ['db/schema.js', 'services/SearchService.js', 'repositories/SkillRepository.js'].map(load),
  )
  return () => {
    const db = schema.openDatabase(path)
    if (!words) {
      const repository = new skills.SkillRepository(db)
      return (_, page) => repository.findAll(PAGE, page * PAGE).items.length
    }
    const service = new search.SearchService(db)
    return (word) => service.search({ query: word, limit: LIMIT }).items.length
  }
}
