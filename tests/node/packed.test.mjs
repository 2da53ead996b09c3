// The packages as they are published: packed, and installed into an empty folder on a machine without Rust.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  accessSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { before, test } from 'node:test'

import { inspectAddon } from '../../npm/scripts/inspect.mjs'
import { workspaceVersion } from '../../npm/scripts/manifests.mjs'
import { addonFile, hostPlatform, PLATFORMS } from '../../npm/scripts/platforms.mjs'
import { driftOfManifests } from '../../npm/scripts/versions.mjs'
import { cleanEnvironment, folder, registry, ROOT } from './support/index.mjs'

const PLATFORM = hostPlatform()
const PACKAGE = `@skillsmith/sync-${PLATFORM}`
const VERSION = workspaceVersion()
const DIST = join(ROOT, 'npm/dist')
const TARBALLS = {
  main: join(DIST, `skillsmith-sync-${VERSION}.tgz`),
  platform: join(DIST, `skillsmith-sync-${PLATFORM}-${VERSION}.tgz`),
}
const TYPESCRIPT = join(ROOT, 'tests/node/node_modules/typescript/bin/tsc')

// Here, not in a hook, after which they would be gone.
const machine = folder()
const home = folder()

before(() => {
  const pack = spawnSync(process.execPath, [join(ROOT, 'npm/scripts/pack.mjs'), '--if-stale'], { stdio: ['ignore', 2, 2] })
  assert.equal(pack.status, 0, 'npm run pack')
  prepareMachine()
  install(home, TARBALLS.platform, TARBALLS.main)
})

/** Its PATH has what comes with Node, and a shell. */
function prepareMachine() {
  mkdirSync(join(machine, 'bin'))
  for (const name of ['node', 'npm', 'npx', 'sh']) {
    symlinkSync(realpathSync(name === 'node' ? process.execPath : onPath(name)), join(machine, 'bin', name))
  }
}

function onPath(name) {
  const places = process.env.PATH.split(delimiter).map((place) => join(place, name))
  return places.find((place) => existsSync(place) && (accessSync(place, constants.X_OK), true))
}

function environment(more) {
  const clean = cleanEnvironment(machine, more)
  const kept = Object.entries(clean).filter(([name]) => !/^(npm_|CARGO|RUST|NAPI_|NODE_)/i.test(name))
  return { ...Object.fromEntries(kept), PATH: join(machine, 'bin'), ...more }
}

/** Runs a program in an installed project to its end. */
function run(cwd, program, args, more = {}) {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, env: environment(more), encoding: 'utf8', timeout: 120_000 })
  return { status, stdout, stderr }
}

function succeed(...all) {
  const done = run(...all)
  assert.equal(done.status, 0, `${done.stdout}${done.stderr}`)
  return done.stdout
}

/** An empty folder into which the tarballs are installed, without a network. */
function install(path, ...tarballs) {
  writeFileSync(join(path, 'package.json'), '{"private": true}\n')
  succeed(path, 'npm', ['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', ...tarballs])
}

function node(cwd, source, { module = false, env } = {}) {
  const file = join(cwd, module ? 'host.mjs' : 'host.cjs')
  writeFileSync(file, source)
  return succeed(cwd, 'node', [file], env)
}

const manifest = (name) => JSON.parse(readFileSync(join(home, 'node_modules', name, 'package.json'), 'utf8'))

test('everything that says a version or a platform says the same', () => assert.deepEqual(driftOfManifests(), []))

test('the machine has no Rust', () => {
  for (const tool of ['cargo', 'rustc', 'gcc', 'cc']) {
    assert.equal(spawnSync(tool, ['--version'], { env: environment() }).error?.code, 'ENOENT', tool)
  }
})

test('the packages hold what is needed and nothing else', () => {
  const licenses = ['LICENSE', 'LICENSE-APACHE', 'LICENSE-MIT']
  const files = (name) => readdirSync(join(home, 'node_modules', name), { recursive: true }).sort()
  const sources = readdirSync(join(ROOT, 'npm/src')).filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
  const lib = sources.map((name) => `lib/${name.replace('.ts', '.js')}`)
  const man = readdirSync(join(ROOT, 'npm/man')).map((name) => join('man', name))
  assert.deepEqual(
    manifest('@skillsmith/sync')
      .man.map((path) => join(path))
      .sort(),
    [...man].sort(),
  )
  assert.deepEqual(files('@skillsmith/sync'), [...licenses, 'README.md', 'index.d.ts', 'lib', ...lib, 'man', ...man, 'package.json'].sort())
  assert.deepEqual(files(PACKAGE), [...licenses, 'README.md', 'THIRD-PARTY-LICENSES.txt', 'package.json', addonFile(PLATFORM)].sort())
  const notices = readFileSync(join(home, 'node_modules', PACKAGE, 'THIRD-PARTY-LICENSES.txt'), 'utf8')
  for (const linked of ['rusqlite', 'rustls', 'ring', 'napi']) assert.match(notices, new RegExp(`^${linked} \\d`, 'm'))
})

test('installing runs no script and brings nothing but the addon for this platform', () => {
  const main = manifest('@skillsmith/sync')
  assert.equal(main.version, VERSION)
  assert.equal(main.engines.node, '>=18.17')
  for (const field of ['scripts', 'dependencies', 'devDependencies', 'peerDependencies', 'bundleDependencies']) {
    assert.equal(main[field], undefined, field)
  }
  const exact = Object.keys(PLATFORMS).map((platform) => [`@skillsmith/sync-${platform}`, VERSION])
  assert.deepEqual(main.optionalDependencies, Object.fromEntries(exact))

  const { os, cpu, libc } = PLATFORMS[PLATFORM]
  const platform = manifest(PACKAGE)
  assert.deepEqual([platform.version, platform.scripts, platform.dependencies], [VERSION, undefined, undefined])
  assert.deepEqual([platform.os, platform.cpu, platform.libc], [[os], [cpu], libc && [libc]])
  assert.deepEqual(
    readdirSync(join(home, 'node_modules')).filter((name) => !name.startsWith('.')),
    ['@skillsmith'],
  )
  assert.deepEqual(readdirSync(join(home, 'node_modules/@skillsmith')).sort(), ['sync', `sync-${PLATFORM}`])
})

test('the published addon is small and needs no new system', () => {
  const facts = inspectAddon(PLATFORM, join(home, 'node_modules', PACKAGE, addonFile(PLATFORM)))
  assert.ok(facts.bytes < 5.5 * 1024 * 1024, `${facts.bytes}`)
})

test('an addon that must not be published fails inspection', { skip: process.platform !== 'linux' && 'about ELF files' }, () => {
  assert.throws(
    () => inspectAddon(PLATFORM, join(ROOT, 'npm', addonFile(PLATFORM))),
    /5767168 are too many;.* a folder of this machine;.* test hooks;.* not stripped;.* above 2\.17;.* testPanic/,
  )
})

test('where Zig cannot be had, nothing is packed', () => {
  const copy = folder()
  cpSync(join(ROOT, 'npm/scripts'), join(copy, 'scripts'), { recursive: true })
  const source = "import { main } from './scripts/run.mjs'; import { zigbuild } from './scripts/zig.mjs'; await main(zigbuild)"
  writeFileSync(join(copy, 'host.mjs'), source)
  const { status, stderr } = run(copy, 'node', ['host.mjs'])
  assert.equal(status, 1)
  assert.match(stderr, /python3 with pip is not on the PATH.* an addon built without them is not packed/)
})

test('require and import give the same names', () => {
  const list = (load) => `${load}; console.log(JSON.stringify([sync.version, Object.keys(sync).sort()]))`
  const required = JSON.parse(node(home, list("const sync = require('@skillsmith/sync')")))
  const [, imported] = JSON.parse(node(home, list("import * as sync from '@skillsmith/sync'"), { module: true }))
  assert.equal(required[0], VERSION)
  assert.deepEqual(
    imported.filter((name) => !['default', 'module.exports', '__esModule'].includes(name)),
    required[1].filter((name) => name !== '__esModule'),
  )
  const named = "import { FREQUENCY_INTERVALS, SyncEngine, startBackgroundSync } from '@skillsmith/sync'"
  assert.equal(
    node(home, `${named}; console.log(typeof SyncEngine, typeof startBackgroundSync, FREQUENCY_INTERVALS.daily)`, { module: true }),
    'function function 86400000\n',
  )
})

test('it loads in worker threads, each on its own', () => {
  const source = `
    const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads')
    if (isMainThread) {
      const one = (i) => new Promise((resolve, reject) => {
        const worker = new Worker(__filename, { workerData: 'worker' + i + '.db' })
        worker.on('error', reject).on('message', (told) => worker.on('exit', () => resolve(told)))
      })
      Promise.all([0, 1, 2, 3].map(one)).then((all) => console.log(all.join()))
    } else {
      const { Database, SyncConfigRepository } = require('@skillsmith/sync')
      parentPort.postMessage(new SyncConfigRepository(new Database(workerData)).getConfig().frequency)
    }`
  assert.equal(node(home, source), 'daily,daily,daily,daily\n')
})

test('TypeScript hosts compile, as CommonJS and as modules', () => {
  const source = `
    import { Database, SyncEngine, type SyncResult, startBackgroundSync } from '@skillsmith/sync'
    export async function host(): Promise<SyncResult> {
      const engine = new SyncEngine({ db: new Database('skills.db') })
      startBackgroundSync({ onSyncComplete: (result) => { const added: number = result.skillsAdded; void added } })
      return engine.sync({ force: true, signal: new AbortController().signal, onProgress: ({ phase }) => {
        const known: 'connecting' | 'fetching' | 'comparing' | 'upserting' | 'complete' = phase
        void known
      } })
    }
    // @ts-expect-error: the types are not all "any".
    new SyncEngine({ db: new Database('skills.db') }).sync({ force: 'yes' })
  `
  const project = join(home, 'typescript')
  mkdirSync(project)
  for (const name of ['host.cts', 'host.mts', 'host.ts']) writeFileSync(join(project, name), source)
  const resolutions = { node16: 'node16', nodenext: 'nodenext', bundler: 'esnext' }
  for (const [moduleResolution, module] of Object.entries(resolutions)) {
    const compilerOptions = { module, moduleResolution, noEmit: true, strict: true, target: 'es2022', lib: ['es2022', 'dom'], types: [] }
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions }))
    succeed(home, 'node', [TYPESCRIPT, '--project', project])
  }
})

test('the command line syncs through the addon', async () => {
  const server = await registry(300)
  const variables = { ...server.variables, SKILLSMITH_DB_PATH: join(home, 'line.db') }
  const skillsmith = (...args) => run(home, 'npx', ['--offline', 'skillsmith', ...args], variables)

  assert.match(skillsmith('--help').stdout, /sync/)
  // Before there is a database, one in memory stands in: SQLite is built with what that needs.
  for (const asked of [
    ['sync', 'status'],
    ['sync', 'history'],
    ['sync', 'config'],
    ['sync', '--dry-run'],
  ]) {
    const { status, stderr } = skillsmith(...asked)
    assert.deepEqual([status, stderr.includes('error')], [0, false], stderr)
  }
  const count = "new (require('@skillsmith/sync').SkillRepository)(new (require('@skillsmith/sync').Database)(':memory:')).count()"
  assert.equal(node(home, `console.log(${count})`), '0\n')
  const synced = skillsmith('sync')
  assert.deepEqual([synced.status, synced.stdout], [0, 'Synced 300 skills (300 new, 0 updated)\n'], synced.stderr)
  const status = JSON.parse(skillsmith('sync', 'status', '--json').stdout)
  assert.deepEqual([status.lastRun.status, status.lastRun.skillsAdded, status.isDue], ['success', 300, false])
  assert.equal(skillsmith('sync', '--page-size', 'many').status, 2)
})

test("the package's README is true", async (t) => {
  const server = await registry(250)
  const text = readFileSync(join(home, 'node_modules/@skillsmith/sync/README.md'), 'utf8')
  const blocks = (language) =>
    text
      .split(`\`\`\`${language}\n`)
      .slice(1)
      .map((rest) => rest.split('```')[0])
  const [server_, byHand, finding, inTests, ...others] = blocks('js')
  assert.deepEqual(others, [])

  await t.test('in a server', () => {
    const env = { ...server.variables, SKILLSMITH_DB_PATH: join(home, 'server.db') }
    // A server lives on; this one until its first sync is done.
    const alive = `
      await new Promise((done) => {
        const timer = setInterval(() => {
          const { lastResult, isRunning } = sync.service.getState()
          if (!lastResult || isRunning) return
          clearInterval(timer)
          done()
        }, 5)
      })
      if (sync.database.name !== process.env.SKILLSMITH_DB_PATH) throw new Error(sync.database.name)
      await sync.stop()`
    writeFileSync(join(home, 'server.mjs'), server_ + alive)
    assert.deepEqual(run(home, 'node', ['server.mjs'], env), { status: 0, stdout: '', stderr: '250 new skills\n' })
    const away = { ...env, SKILLSMITH_DB_PATH: join(home, 'other.db'), SKILLSMITH_API_URL: 'http://127.0.0.1:1' }
    const failed = run(home, 'node', ['server.mjs'], away)
    assert.deepEqual([failed.status, failed.stdout], [0, ''])
    assert.match(failed.stderr, /^The skills could not be synced: .*\n$/)
  })
  await t.test('by hand', () => assert.equal(node(home, byHand, { env: server.variables }), '250 skills\n'))
  await t.test('finding skills', () => {
    const told = `${finding}console.log(Array.isArray(matches), typeof hasMore, indexed, freshness.isEmpty)`
    assert.equal(node(home, told, { env: server.variables }), 'true boolean true false\n')
  })
  await t.test('in tests', () => assert.equal(node(home, inTests), '1\n'))
  await t.test('from the terminal', () => {
    const env = { ...server.variables, SKILLSMITH_DB_PATH: join(home, 'terminal.db') }
    const commands = blocks('sh')
      .slice(1)
      .flatMap((block) => block.trim().split('\n'))
    assert.equal(commands.length, 4)
    for (const command of commands) succeed(home, 'npx', ['--offline', ...command.split(' ').slice(1)], env)
  })
})

test('a missing platform package is named, with what to do', () => {
  const bare = folder()
  install(bare, '--omit=optional', TARBALLS.main)
  const load = "require('@skillsmith/sync')"
  const failed = run(bare, 'node', ['-e', load])
  assert.equal(failed.status, 1)
  for (const word of [`${process.platform} ${process.arch}`, PACKAGE, 'npm i --include=optional']) {
    assert.ok(failed.stderr.includes(word), `"${word}" is not in: ${failed.stderr}`)
  }

  const addon = join(home, 'node_modules', PACKAGE, addonFile(PLATFORM))
  const elsewhere = { NAPI_RS_NATIVE_LIBRARY_PATH: addon }
  assert.equal(succeed(bare, 'node', ['-p', `${load}.version`], elsewhere), `${VERSION}\n`)
  const wrong = run(bare, 'node', ['-e', load], { NAPI_RS_NATIVE_LIBRARY_PATH: join(dirname(addon), 'package.json') })
  assert.match(wrong.stderr, /Cannot load the addon .*package\.json, which NAPI_RS_NATIVE_LIBRARY_PATH names/)
})

test('an addon of another version is refused', () => {
  const file = join(home, 'node_modules/@skillsmith/sync/package.json')
  const right = readFileSync(file, 'utf8')
  try {
    writeFileSync(file, right.replace(`"version": "${VERSION}"`, '"version": "99.0.0"'))
    assert.match(run(home, 'node', ['-e', "require('@skillsmith/sync')"]).stderr, new RegExp(`is version ${VERSION}, but .* 99\\.0\\.0`))
  } finally {
    writeFileSync(file, right)
  }
})
