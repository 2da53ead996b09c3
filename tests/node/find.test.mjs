// Finding skills: what every surface is asked, the shape of the answers, and databases of every kind.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, copyFileSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { dump, fingerprint } from './support/database.mjs'
import { syncError } from './support/errors.mjs'
import { BetterSqlite3, cleanEnvironment, folder, newPath, ROOT, registry, sync } from './support/index.mjs'

const { Database, SkillRepository } = sync
const TABLE = JSON.parse(readFileSync(join(ROOT, 'tests/searches/table.json'), 'utf8'))
const SKILLS = readFileSync(join(ROOT, 'tests/searches/skills.sql'), 'utf8')

/** A new database with the skills of the table. */
function filled() {
  const path = newPath()
  new Database(path).close()
  execute(path, SKILLS)
  return path
}

function execute(path, sql) {
  const db = new BetterSqlite3(path)
  // Damage is done to the tables of an index.
  db.unsafeMode()
  db.exec(sql)
  db.close()
}

const ids = (skills) => skills.map(({ id }) => id)
const whole = (text) => (typeof text === 'string' ? text : text.repeat.repeat(text.times))

/** A call that gives what the table expects; an argument that the package checks itself is a RangeError. */
function holds(wanted, call) {
  if (!wanted.error) return call()
  assert.throws(call, (error) => error.code === wanted.error && (error instanceof RangeError || error instanceof sync.SkillsmithSyncError))
}

function checkTable(skills) {
  for (const wanted of TABLE.searches) {
    holds(wanted, () => {
      const { matches, hasMore, indexed } = skills.search(whole(wanted.text), wanted.options)
      const expected = { ids: wanted.ids, hasMore: wanted.hasMore ?? false, indexed: true }
      assert.deepEqual({ ids: ids(matches), hasMore, indexed }, expected, JSON.stringify(wanted))
    })
  }
  for (const wanted of TABLE.lists) {
    holds(wanted, () => {
      const page = skills.list(wanted.options)
      assert.deepEqual([ids(page.skills), page.next], [wanted.ids, wanted.next ?? null], JSON.stringify(wanted))
    })
  }
  for (const { id, categories, source } of TABLE.details) {
    const found = skills.get(id)
    assert.deepEqual(found && [found.id, found.categories, found.source], categories ? [id, categories, source] : null, id)
  }
}

describe('what every surface is asked', () => {
  test('through a connection of the package', () => {
    assert.ok(TABLE.searches.length > 100 && TABLE.lists.length > 15)
    const path = filled()
    const before = dump(path)
    checkTable(new SkillRepository(path))
    assert.deepEqual(dump(path), before)
  })

  test('beside a connection of the host, in its transaction, and while it has the file to itself', () => {
    const path = newPath()
    new Database(path).close()
    const db = new BetterSqlite3(path)
    const skills = new SkillRepository(db)
    db.exec('BEGIN')
    db.exec(SKILLS)
    checkTable(skills)
    const other = new SkillRepository(path)
    assert.equal(other.freshness().isEmpty, true, 'nobody else sees what is not committed')
    other.close()
    assert.equal(skills.freshness().isEmpty, false)
    db.exec('ROLLBACK')
    assert.deepEqual(skills.search('git').matches, [])
    db.exec(SKILLS)
    checkTable(skills)
    db.pragma('locking_mode = EXCLUSIVE')
    db.exec('BEGIN IMMEDIATE; COMMIT')
    checkTable(skills)
    db.close()
  })
})

describe('an answer', () => {
  const path = filled()
  const skills = new SkillRepository(path)

  test('has the skills as findById has them, and what belongs to the answer', () => {
    const { matches, ...rest } = skills.search('git repositories')
    const [{ rank, snippet, ...skill }] = matches
    assert.deepEqual(skill, skills.findById('a/described'))
    assert.ok(rank > 0)
    assert.equal(snippet, 'works with git repositories')
    const freshness = { isEmpty: false, listedAt: null, ageMs: null, isStale: true, coverage: null, byWords: false }
    assert.deepEqual(rest, { hasMore: false, indexed: true, freshness })
    assert.deepEqual(skills.freshness(), freshness)
    const { categories, source, ...details } = skills.get('b/named')
    assert.deepEqual([details, categories, source], [skills.findById('b/named'), ['Testing', 'Version Control'], 'registry'])
    const page = skills.list()
    assert.deepEqual(Object.keys(page), ['skills', 'next', 'freshness'])
    for (const one of page.skills) assert.deepEqual(one, skills.findById(one.id))
    assert.deepEqual(skills.search('').matches[0].snippet, null)
    assert.equal(skills.search('nul').matches[0].name, 'Nul\0byte')
  })

  test('of text without its other half is one', () => {
    assert.deepEqual(ids(skills.search('git \ud83d').matches), ids(skills.search('git \ufffd').matches))
    assert.equal(skills.get('\udc00'), null)
  })

  test('says that there is no index, or a damaged one', () => {
    const path = filled()
    const skills = new SkillRepository(path)
    execute(path, "UPDATE skills_fts_data SET block = x'00ff' WHERE id > 10")
    const damaged = skills.search('repositories')
    assert.deepEqual([ids(damaged.matches), damaged.indexed, damaged.matches[0].snippet], [['a/described'], false, null])
    execute(path, 'DROP TRIGGER skills_ai; DROP TRIGGER skills_ad; DROP TRIGGER skills_au; DROP TABLE skills_fts')
    const missing = skills.search('repositories')
    assert.deepEqual([ids(missing.matches), missing.indexed], [['a/described'], false])
  })

  test('says how complete and how old the skills are', async () => {
    const server = await registry(30)
    const path = newPath()
    const engine = new sync.SyncEngine({ db: path, apiClient: server.client() })
    const skills = new SkillRepository(path)
    assert.equal(skills.search('anything').freshness.isEmpty, true)
    assert.equal((await engine.sync()).success, true)
    const { listedAt, ageMs, ...fresh } = skills.list({ limit: 1 }).freshness
    assert.deepEqual(fresh, { isEmpty: false, isStale: false, coverage: 'complete', byWords: false })
    assert.match(listedAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    assert.ok(ageMs >= 0 && ageMs < 600_000)
    execute(path, `UPDATE sync_state SET value = '{"is_complete": false, "by_words": true}' WHERE key = 'coverage'`)
    const partial = skills.freshness()
    assert.deepEqual([partial.coverage, partial.byWords], ['best-effort', true])
  })
})

describe('all skills', () => {
  const skills = new SkillRepository(filled())
  const all = ids(skills.list({ limit: 1_000 }).skills)

  test('are gone through page by page', () => {
    assert.deepEqual(ids([...skills]), all)
    for (const limit of [1, 2, 16, 17, 18, 1_000]) assert.deepEqual(ids([...skills.iterate({ limit })]), all)
    assert.deepEqual(ids([...skills.iterate({ trustTier: 'community', after: 'c/better', limit: 2 })]), [
      'k/emoji',
      'l/nul',
      'm/symbols',
      'n/operators',
      'p/zero',
    ])
    assert.deepEqual([...skills.iterate({ after: 'zzz', source: 'local' })], [])
  })

  test('are read when they are needed, without a lock in between', () => {
    const path = filled()
    const skills = new SkillRepository(path)
    const some = skills.iterate({ limit: 5 })
    assert.equal(some.next().value.id, 'a/described')
    execute(path, "DELETE FROM skills WHERE id = 'f/marks'; INSERT INTO skills (id, name) VALUES ('f/new', 'new'), ('a/behind', 'behind')")
    assert.deepEqual(ids([...some]), [...all.slice(1, 5), 'f/new', ...all.slice(6)])
    const ended = skills.iterate({ limit: 1 })
    ended.next()
    skills.close()
    assert.throws(() => ended.next(), syncError('DATABASE_CLOSED'))
    assert.equal(ended.next().done, true, 'it ends after an error')
  })

  test('options are checked before the first skill is asked for', () => {
    assert.throws(() => skills.iterate({ limit: 0 }), RangeError)
  })
})

describe('wrong use', () => {
  const skills = new SkillRepository(filled())

  test('an unknown option is named, with the nearest one', () => {
    for (const [call, words] of [
      [() => skills.search('git', { limt: 5 }), 'search has no option limt. Did you mean limit?'],
      [() => skills.search('git', { tier: 'x' }), 'search has no option tier. Did you mean'],
      [() => skills.search('git', { trust_tier: 'x' }), 'search has no option trust_tier. Did you mean trustTier?'],
      [() => skills.search('git', { minQualityScore: 0.5 }), 'search has no option minQualityScore. Did you mean minScore?'],
      [() => skills.search('git', { after: 'x' }), 'search has no option after.'],
      [() => skills.list({ offset: 5 }), 'list has no option offset. Did you mean'],
      [() => skills.iterate({ Limit: 5 }), 'iterate has no option Limit. Did you mean limit?'],
    ]) {
      assert.throws(call, (error) => error instanceof TypeError && error.code === 'INVALID_ARGUMENT' && error.message.startsWith(words))
    }
  })

  test('what may be left out may also be null or undefined', () => {
    const none = { limit: null, offset: undefined, category: null, trustTier: null, minScore: null, safeOnly: null, source: undefined }
    assert.deepEqual(skills.search('git', none), skills.search('git'))
    assert.deepEqual(skills.search('git', null).matches, skills.search('git').matches)
    assert.deepEqual(ids(skills.list({ after: null, limit: null }).skills), ids(skills.list(null).skills))
  })

  test('options are those of the object itself', () => {
    const inherited = Object.create({ limit: 1 })
    assert.equal(skills.search('git', inherited).matches.length, 5)
  })

  test('a text that is too long is refused with words', () => {
    assert.throws(() => skills.search('a'.repeat(10_000_000)), syncError('INVALID_ARGUMENT', /longer than 1000 characters/))
  })

  test('a closed repository, database or connection of the host', () => {
    const path = filled()
    const database = new Database(path)
    const db = new BetterSqlite3(path)
    const closed = [new SkillRepository(path), new SkillRepository(database), new SkillRepository(db)]
    for (const one of closed) one.search('git')
    closed[0].close()
    database.close()
    db.close()
    for (const one of closed) {
      for (const call of [
        () => one.search('git'),
        () => one.list(),
        () => one.get('a/described'),
        () => one.freshness(),
        () => [...one],
        () => one.iterate().next(),
      ]) {
        assert.throws(call, syncError('DATABASE_CLOSED'))
      }
    }
  })
})

describe('databases of every kind', () => {
  const fixtures = readdirSync(join(ROOT, 'tests/fixtures')).filter((name) => name.endsWith('.sql'))

  for (const fixture of fixtures) {
    test(fixture, () => {
      const path = newPath()
      execute(path, readFileSync(join(ROOT, 'tests/fixtures', fixture), 'utf8'))
      const before = dump(path)
      const skills = new SkillRepository(new Database(path, { readonly: true }))
      const all = [...skills.iterate({ limit: 2 })]
      assert.equal(all.length, skills.count())
      for (const skill of all) {
        const { categories, source, ...same } = skills.get(skill.id)
        assert.deepEqual(same, skill)
        assert.ok(Array.isArray(categories) && typeof source === 'string')
        // The index of some files is not in step with their table, as another program left it.
        const found = ids(skills.search(skill.name, { limit: 1_000 }).matches).includes(skill.id)
        assert.ok(found || /fts|upset/.test(fixture), skill.id)
      }
      assert.deepEqual(dump(path), before)
    })
  }

  test('a file and a folder that nobody may write', { skip: process.platform === 'win32' }, async () => {
    const path = filled()
    execute(path, 'PRAGMA journal_mode = DELETE')
    const there = folder()
    const copy = join(there, 'skills.db')
    copyFileSync(path, copy)
    chmodSync(copy, 0o444)
    chmodSync(there, 0o555)
    const before = fingerprint(copy)
    const script = `
      const { Database, SkillRepository } = require(${JSON.stringify(join(ROOT, 'npm'))})
      // Root may write everywhere.
      if (process.getuid() === 0) (process.setgid(65534), process.setuid(65534))
      const skills = new SkillRepository(new Database(${JSON.stringify(copy)}, { readonly: true }))
      console.log(skills.search('git').matches.length, [...skills].length, skills.get('a/described').name, skills.freshness().isEmpty)`
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'], env: cleanEnvironment(folder()) })
    const said = once(child.stdout.setEncoding('utf8'), 'data').then(([text]) => text)
    const [code] = await once(child, 'exit')
    assert.equal(code, 0)
    assert.equal(await said, '5 17 Helper false\n')
    chmodSync(there, 0o755)
    assert.deepEqual(readdirSync(there), ['skills.db'])
    assert.deepEqual(fingerprint(copy), before)
  })
})

describe('beside others', () => {
  test('a sync of another process', async () => {
    const server = await registry(300, { delay_ms: 5 })
    const path = newPath()
    const skills = new SkillRepository(path)
    const script = `
      const { SkillsmithApiClient, SyncEngine } = require(${JSON.stringify(join(ROOT, 'npm'))})
      new SyncEngine({ db: ${JSON.stringify(path)}, apiClient: new SkillsmithApiClient({ baseUrl: ${JSON.stringify(server.baseUrl)} }) })
        .sync({ pageSize: 10 }).then(({ success }) => process.exit(success ? 0 : 1))`
    const child = spawn(process.execPath, ['-e', script], { stdio: 'inherit', env: cleanEnvironment(folder()) })
    const end = once(child, 'exit')
    let running = true
    end.then(() => {
      running = false
    })
    const sizes = new Set()
    while (running) {
      const { matches } = skills.search('', { limit: 1_000 })
      skills.search('test')
      skills.list({ limit: 7 })
      for (const { id } of matches.slice(0, 3)) assert.equal(skills.get(id).id, id)
      sizes.add(matches.length)
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.deepEqual(await end, [0, null])
    assert.equal([...skills].length, 300)
    assert.ok(sizes.size > 1, 'it was seen growing')
  })

  test('a writer that holds its lock all the time', () => {
    const path = filled()
    const skills = new SkillRepository(path)
    const writer = new BetterSqlite3(path)
    writer.exec("BEGIN IMMEDIATE; UPDATE skills SET name = 'Renamed' WHERE id = 'b/named'")
    checkTable(skills)
    writer.exec('COMMIT')
    writer.close()
    assert.deepEqual(ids(skills.search('renamed').matches), ['b/named'])
  })
})
