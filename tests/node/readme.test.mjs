// The README's examples for Node, run as they stand there.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { BetterSqlite3, cleanEnvironment, folder, registry, ROOT, sync } from './support/index.mjs'

const examples = readFileSync(join(ROOT, 'README.md'), 'utf8')
  .split('```js\n')
  .slice(1)
  .map((rest) => rest.split('```')[0])

/** A project that has the packages installed. */
function project() {
  const path = folder()
  const modules = join(path, 'node_modules')
  mkdirSync(join(modules, '@skillsmith'), { recursive: true })
  symlinkSync(join(ROOT, 'npm'), join(modules, '@skillsmith/sync'))
  symlinkSync(join(ROOT, 'tests/node/node_modules/better-sqlite3'), join(modules, 'better-sqlite3'))
  return path
}

async function run(example, prepare = () => {}) {
  const server = await registry(250)
  const home = project()
  prepare(home)
  writeFileSync(join(home, 'example.mjs'), example)
  const env = cleanEnvironment(home, server.variables)
  const done = spawnSync(process.execPath, ['example.mjs'], { cwd: home, env, encoding: 'utf8' })
  assert.deepEqual([done.status, done.stdout], [0, ''], done.stderr)
  return { home, stderr: done.stderr }
}

test('the example for a server syncs in the background', async () => {
  // A server lives on; this one until its first sync is done.
  const { home, stderr } = await run(`${examples[0]}
    const alive = setInterval(() => service.getState().lastResult && stop().then(() => clearInterval(alive)), 5)`)
  assert.equal(stderr, '250 new, 0 updated\n')
  assert.equal(new sync.SkillRepository(join(home, '.skillsmith/skills.db')).count(), 250)
})

test('the example with the classes of the stack syncs', async () => {
  const { home, stderr } = await run(examples[1], (home) => new sync.Database(join(home, 'skills.db')).close())
  assert.match(stderr, /^connecting 0 0\n/)
  assert.match(stderr, /\n250 new\n$/)
  assert.equal(new sync.SkillRepository(join(home, 'skills.db')).count(), 250)
})

test('the example of a search finds skills', async () => {
  const { stderr } = await run(examples[2], (home) => {
    const path = join(home, 'skills.db')
    new sync.Database(path).close()
    const db = new BetterSqlite3(path)
    db.exec(
      "INSERT INTO skills (id, name, description, quality_score, trust_tier, security_passed) VALUES ('a/b', 'Git helper', 'helps', 0.9, 'verified', 1)",
    )
    db.close()
  })
  assert.equal(stderr, 'a/b Git helper Git helper\nfalse 0 null\n')
})

test('there are no other examples than these', () => assert.equal(examples.length, 3))
