// Searches of this package and of the TypeScript stack's SearchService, on one file in one run: node tests/bench/node/search.mjs
// [SKILLS]
//
// Needs the release build of the addon (`npm run pack` in npm/, or NAPI_RS_NATIVE_LIBRARY_PATH) and tests/node/setup. Each row is a
// process of its own. Opening the file is counted by itself; later calls search for other words that as many skills have, so that
// no cache answers. Milliseconds of processor time, the median of three processes.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

import { packedAddon } from './packed.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const root = join(here, '../../..')
const scratch = mkdtempSync(join(tmpdir(), 'skillsmith-bench-'))
const addon = process.env.NAPI_RS_NATIVE_LIBRARY_PATH ?? packedAddon(scratch)
process.env.NAPI_RS_NATIVE_LIBRARY_PATH = addon
const size = Number(process.argv[2] ?? 300_000)
const ROUNDS = 3
const WORDS =
  'agent async build cache clean code commit config data debug deploy design docs edit error fetch file find fix format git graph guard help index issue json lint list log map merge model move name node note open page parse path plan port print query queue read repo rule run scan search send sort stack start store style sync table task test text time tool trace tree type user value view watch web wiki work write yaml'.split(
    ' ',
  )
/** Words that so many skills have; eleven of each. */
const COUNTS = [1, 10, 100, 1_000, 10_000]
const LETTERS = 'bcdfghjklmn'
const wordOf = (count, which) => `${'vwxyz'[COUNTS.indexOf(count)]}o${LETTERS[which]}umar`

/** Numbers that look random and are the same in every run. */
function numbers(seed) {
  let state = seed >>> 0
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const require = createRequire(join(root, 'tests/node/package.json'))
const BetterSqlite3 = require('better-sqlite3')

function execute(path, sql) {
  const db = new BetterSqlite3(path)
  db.exec(sql)
  db.close()
}

async function build(path) {
  const { Database } = require(join(root, 'npm'))
  new Database(path).close()
  const db = new BetterSqlite3(path)
  db.pragma('synchronous = OFF')
  const insert = db.prepare(
    'INSERT INTO skills (id, name, description, author, repo_url, quality_score, trust_tier, tags) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  )
  const next = numbers(7)
  const words = (length) => Array.from({ length }, () => WORDS[next(WORDS.length)])
  for (let from = 0; from < size; from += 5_000) {
    db.transaction(() => {
      for (let number = from; number < Math.min(size, from + 5_000); number++) {
        const text = words(30 + next(30))
        for (const count of COUNTS) {
          // Every so manieth skill has one of the eleven words.
          const stride = Math.max(1, Math.floor(size / (count * LETTERS.length)))
          const which = Math.floor(number / stride)
          if (number % stride === 0 && which < count * LETTERS.length) text.push(wordOf(count, which % LETTERS.length))
        }
        const name = `${words(2).join('-')}-${number}`
        const id = `10000000-0000-4000-8000-${String(number).padStart(12, '0')}`
        const tier = next(4) === 0 ? 'verified' : 'community'
        const author = `author-${next(5_000)}`
        insert.run(id, name, text.join(' '), author, `https://example.com/${name}`, next(1_000) / 1_000, tier, JSON.stringify(words(4)))
      }
    })()
  }
  db.close()
  // What the stack changes in a file that it opens is changed before.
  const schema = await import(pathToFileURL(join(root, 'tests/node/node_modules/@skillsmith/core/dist/src/db/schema.js')).href)
  schema.closeDatabase(schema.openDatabase(path))
}

function one(who, path, given) {
  const done = spawnSync(process.execPath, [join(here, 'search-one.mjs'), who, path, JSON.stringify(given)], { encoding: 'utf8' })
  if (done.status !== 0) throw new Error(`${who} ${JSON.stringify(given)}: ${done.stdout}${done.stderr}`)
  return JSON.parse(done.stdout)
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]
const columns = (cells) => console.log(`| ${cells.join(' | ')} |`)
const ms = (value) => (value < 10 ? value.toFixed(2) : value.toFixed(0))

/** Figures of `who`: the first call, later calls, and the peak above that of an empty process. */
function figures(who, path, given, empty) {
  const runs = Array.from({ length: ROUNDS }, () => {
    // The stack keeps answers in the file, which the process before has left.
    execute(path, 'DELETE FROM cache')
    return one(who, path, given)
  })
  const later = runs.flatMap((run) => run.later)
  return [
    ms(median(runs.map((run) => run.opened.cpu))),
    ms(median(runs.map((run) => run.first.cpu))),
    later.length > 0 ? ms(median(later.map((call) => call.cpu))) : '',
    `${(median(runs.map((run) => run.peak)) - empty).toFixed(0)} MiB`,
    runs[0].first.found,
  ]
}

try {
  const path = join(scratch, 'skills.db')
  await build(path)
  const group = (count) => Array.from(LETTERS, (_, which) => wordOf(count, which))
  const cases = [
    ...COUNTS.map((count) => [`a word of ${count.toLocaleString('en')} skills`, { words: group(count) }]),
    ['a word of 1,000 and a common one', { words: group(1_000).map((word) => `${word} git`) }],
    ['a common word', { words: WORDS.slice(0, 11) }],
    [
      'a page of a list',
      { list: [0, 0.1, 0.5, 0.9].map((part) => `10000000-0000-4000-8000-${String(Math.floor(part * size)).padStart(12, '0')}`) },
    ],
  ]
  columns(['Skills', 'Case', 'Found', 'Open', 'TS', 'First call', 'TS', 'Later', 'TS', 'Memory', 'TS'])
  columns(Array.from({ length: 11 }, () => '---'))
  const empty = median(Array.from({ length: ROUNDS }, () => one('empty', path, { words: ['git'] }).peak))
  for (const [name, given] of cases) {
    const ours = figures('ours', path, given, empty)
    const theirs = figures('typescript', path, given, empty)
    const pairs = [0, 1, 2, 3].flatMap((at) => [ours[at], theirs[at]])
    columns([size.toLocaleString('en'), name, `${ours[4]} and ${theirs[4]}`, ...pairs])
  }
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
