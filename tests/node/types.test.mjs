// The declarations: what has to compile compiles, and what must not does not. See types/.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'

import { ROOT, sync } from './support/index.mjs'
// It puts the package where a host has it: in node_modules.
import './support/processes.mjs'

const TYPES = join(ROOT, 'tests/node/types')
const execute = promisify(execFile)
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')

/** The errors of a project, and the files that it was made of. */
async function compile(project) {
  const { stdout } = await execute(process.execPath, [tsc, '-p', join(TYPES, project), '--listFiles', '--pretty', 'false'], {
    maxBuffer: 2 ** 26,
  }).catch((failed) => failed)
  const lines = stdout.split('\n').filter(Boolean)
  const files = lines.filter((line) => line.startsWith('/') && !line.includes(': error '))
  return { errors: lines.filter((line) => !files.includes(line)), files }
}

describe('tsc --noEmit, strict', () => {
  // `using` needs a library that the other hosts do not compile with.
  const sources = readdirSync(TYPES).filter((name) => /\.[cm]?ts$/.test(name) && name !== 'using.mts')
  for (const [project, expected] of [
    ['tsconfig.node16.json', sources],
    ['tsconfig.bundler.json', sources],
    ['tsconfig.declarations.json', ['esm.mts', 'commonjs.cts']],
    ['tsconfig.using.json', ['using.mts']],
    ['tsconfig.without-using.json', ['without-using.mts']],
  ]) {
    test(project, async () => {
      const { errors, files } = await compile(project)
      assert.deepEqual(errors, [])
      assert.deepEqual(files.filter((file) => file.startsWith(`${TYPES}/`)).sort(), expected.map((name) => join(TYPES, name)).sort())
      assert.ok(files.includes(join(ROOT, 'npm/index.d.ts')), 'our declarations take part')
    })
  }
})

describe('named imports', () => {
  const names = Object.keys(sync)
  const run = async (type, source) => {
    const { stdout } = await execute(process.execPath, [`--input-type=${type}`, '-e', source], { cwd: join(ROOT, 'tests/node') })
    return JSON.parse(stdout)
  }

  test('in an ES module, of every name', async () => {
    const source = `import { ${names.join()} } from '@skillsmith/sync'
      import whole, * as everything from '@skillsmith/sync'
      const db = new Database(':memory:')
      console.log(JSON.stringify({
        types: [${names.map((name) => `typeof ${name}`).join()}],
        same: everything.SyncEngine === SyncEngine && whole.SyncEngine === SyncEngine,
        enabled: new SyncConfigRepository(db).getConfig().enabled,
      }))`
    assert.deepEqual(await run('module', source), { types: names.map((name) => typeof sync[name]), same: true, enabled: true })
  })

  test('in CommonJS, of every name', async () => {
    const source = `const { ${names.join()} } = require('@skillsmith/sync')
      console.log(JSON.stringify([${names.map((name) => `typeof ${name}`).join()}]))`
    assert.deepEqual(
      await run('commonjs', source),
      names.map((name) => typeof sync[name]),
    )
  })

  test('both are one: an instance of either is known by the other', async () => {
    const source = `import { createRequire } from 'node:module'
      import { Database, SyncConfigRepository, SkillsmithSyncError } from '@skillsmith/sync'
      const sync = createRequire(import.meta.url)('@skillsmith/sync')
      const db = new sync.Database(':memory:')
      new sync.SyncConfigRepository(db).setLastSyncError('shared')
      console.log(JSON.stringify([db instanceof Database, new SyncConfigRepository(db).getConfig().lastSyncError, sync.SkillsmithSyncError === SkillsmithSyncError]))`
    assert.deepEqual(await run('module', source), [true, 'shared', true])
  })
})

test('the declarations have every name that the package has, and no other value', () => {
  const text = readFileSync(join(ROOT, 'npm/index.d.ts'), 'utf8')
  const declared = [...text.matchAll(/^export declare (?:class|const|function) (\w+)/gm)].map(([, name]) => name)
  assert.deepEqual(declared.sort(), Object.keys(sync).sort())
  assert.doesNotMatch(text, /\bany\b(?!thing|body| )/, 'nothing is any')
  assert.doesNotMatch(text, /@internal|NativeDatabase|NativeClient|NativeRun/, 'nothing of the addon shows')
})
