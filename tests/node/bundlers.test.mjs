// Hosts that put everything into one file: what each bundler makes of the package, run away from node_modules.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { promisify } from 'node:util'

import { hostPlatform } from '../../npm/scripts/platforms.mjs'
import { cleanEnvironment, folder, ROOT, sync } from './support/index.mjs'
import { RUNTIMES } from './support/runtimes.mjs'

const execute = promisify(execFile)
const bundlers = createRequire(join(ROOT, 'tests/node/bundlers/package.json'))
const PLATFORM = hostPlatform()
const ADDON = `skillsmith-sync.${PLATFORM}.node`

/** A project that has the package as npm installs it: the addon is in a package of its own. */
const project = folder()
const home = folder()

before(() => {
  const modules = join(project, 'node_modules/@skillsmith')
  const [main, platform] = [join(modules, 'sync'), join(modules, `sync-${PLATFORM}`)]
  for (const name of ['lib', 'package.json', 'index.d.ts']) cpSync(join(ROOT, 'npm', name), join(main, name), { recursive: true })
  cpSync(join(ROOT, 'npm', PLATFORM, 'package.json'), join(platform, 'package.json'))
  cpSync(join(ROOT, 'npm', ADDON), join(platform, ADDON))
  writeFileSync(
    join(project, 'host.cjs'),
    `const { Database, SyncConfigRepository, version } = require('@skillsmith/sync')
     console.log(version, new SyncConfigRepository(new Database(':memory:')).getConfig().id)`,
  )
  writeFileSync(
    join(project, 'host.mjs'),
    `import { Database, SyncConfigRepository, version } from '@skillsmith/sync'
     console.log(version, new SyncConfigRepository(new Database(':memory:')).getConfig().id)`,
  )
})

/** What the bundle prints, in a folder without node_modules. */
async function printed(file, program = process.execPath, env = {}) {
  const { stdout } = await execute(program, file ? [file] : [], { cwd: '/', env: cleanEnvironment(home, env) })
  return stdout.trim()
}

const WORKS = `${sync.version} default`

/** Fails if a bundle does not say how to go on. */
const named = (error) => {
  assert.match(error.stderr, /@skillsmith\/sync/)
  return true
}

describe('the README has a row for each', () => {
  const rows = readFileSync(join(ROOT, 'npm/README.md'), 'utf8')
  for (const name of ['esbuild', 'webpack', 'rollup', 'ncc', 'bun build --compile', "Node's single executable"]) {
    test(name, () => assert.match(rows, new RegExp(`^\\| ${name} \\|`, 'm')))
  }
})

for (const entry of ['host.cjs', 'host.mjs']) {
  test(`esbuild takes the addon along: ${entry}`, async () => {
    const out = folder()
    const { build } = bundlers('esbuild')
    const options = { bundle: true, platform: 'node', outdir: out, logLevel: 'silent', loader: { '.node': 'copy' } }
    await build({ ...options, entryPoints: [join(project, entry)], outExtension: { '.js': '.cjs' } })
    assert.ok(readdirSync(out).some((name) => name.endsWith('.node')))
    assert.equal(await printed(join(out, 'host.cjs')), WORKS)
  })
}

for (const entry of ['host.cjs', 'host.mjs']) {
  test(`esbuild makes an ES module, with a require: ${entry}`, async () => {
    const out = folder()
    const { build } = bundlers('esbuild')
    // As the README says.
    const banner = { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)" }
    const options = { bundle: true, platform: 'node', format: 'esm', outdir: out, logLevel: 'silent', loader: { '.node': 'copy' } }
    await build({ ...options, banner, entryPoints: [join(project, entry)], outExtension: { '.js': '.mjs' } })
    assert.equal(await printed(join(out, 'host.mjs')), WORKS)
  })
}

test('esbuild with the package left outside, beside node_modules', async () => {
  const { build } = bundlers('esbuild')
  const outfile = join(project, 'outside.cjs')
  await build({ bundle: true, platform: 'node', outfile, external: ['@skillsmith/sync'], entryPoints: [join(project, 'host.cjs')] })
  assert.equal(await printed(outfile), WORKS)
})

test('webpack takes no addon along, and finds one that the variable names', async () => {
  const out = folder()
  const webpack = bundlers('webpack')
  const stats = await promisify(webpack)({
    mode: 'production',
    target: 'node',
    entry: join(project, 'host.cjs'),
    output: { path: out, filename: 'host.cjs' },
    externals: [({ request }, done) => (/^@skillsmith\/sync-/.test(request) ? done(null, `commonjs ${request}`) : done())],
  })
  assert.deepEqual(stats.compilation.errors.map(String), [])
  await assert.rejects(printed(join(out, 'host.cjs')), named)
  const addon = join(project, 'node_modules/@skillsmith', `sync-${PLATFORM}`, ADDON)
  assert.equal(await printed(join(out, 'host.cjs'), process.execPath, { NAPI_RS_NATIVE_LIBRARY_PATH: addon }), WORKS)
})

test('rollup, with the package left outside', async () => {
  const { rollup } = bundlers('rollup')
  const bundle = await rollup({ input: join(project, 'host.mjs'), external: ['@skillsmith/sync'] })
  const file = join(project, 'rolled.cjs')
  await bundle.write({ file, format: 'cjs' })
  assert.equal(await printed(file), WORKS)
})

for (const [entry, name] of [
  ['host.cjs', 'index.js'],
  ['host.mjs', 'index.mjs'],
])
  test(`ncc takes the addon along: ${entry}`, async () => {
    const out = folder()
    const ncc = bundlers('@vercel/ncc')
    const { code, assets } = await ncc(join(project, entry), { cache: false, quiet: true, sourceMap: false })
    writeFileSync(join(out, name), code)
    for (const [asset, { source }] of Object.entries(assets)) {
      mkdirSync(join(out, asset, '..'), { recursive: true })
      writeFileSync(join(out, asset), source)
    }
    assert.equal(await printed(join(out, name)), WORKS)
  })

const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'
// Node links a blob into its own binary, which a Node of a distribution may not have been built for.
const canEmbed = process.platform === 'linux' && readFileSync(process.execPath).includes(FUSE)
test("Node's single executable carries the addon as an asset", { skip: !canEmbed && 'this Node takes no blob' }, async () => {
  const out = folder()
  // As the README says.
  writeFileSync(
    join(project, 'single.cjs'),
    `const { mkdtempSync, writeFileSync } = require('node:fs')
     const { tmpdir } = require('node:os')
     const { join } = require('node:path')
     const { getAsset } = require('node:sea')

     const file = join(mkdtempSync(join(tmpdir(), 'my-server-')), 'skillsmith-sync.node')
     writeFileSync(file, new Uint8Array(getAsset('skillsmith-sync.node')), { mode: 0o700 })
     process.env.NAPI_RS_NATIVE_LIBRARY_PATH = file
     require('./host.cjs')`,
  )
  const { build } = bundlers('esbuild')
  const main = join(out, 'single.cjs')
  await build({
    bundle: true,
    platform: 'node',
    outfile: main,
    logLevel: 'silent',
    external: ['@skillsmith/sync-*'],
    entryPoints: [join(project, 'single.cjs')],
  })
  const addon = join(project, 'node_modules/@skillsmith', `sync-${PLATFORM}`, ADDON)
  const blob = join(out, 'single.blob')
  const config = { main, output: blob, disableExperimentalSEAWarning: true, assets: { 'skillsmith-sync.node': addon } }
  writeFileSync(join(out, 'sea.json'), JSON.stringify(config))
  await execute(process.execPath, ['--experimental-sea-config', join(out, 'sea.json')], { env: cleanEnvironment(home) })
  const program = join(out, 'host')
  copyFileSync(process.execPath, program)
  await bundlers('postject').inject(program, 'NODE_SEA_BLOB', readFileSync(blob), { sentinelFuse: FUSE })
  const temporary = folder()
  assert.equal(await printed(undefined, program, { TMPDIR: temporary }), WORKS)
  assert.equal(readdirSync(temporary).length, 1)
})

const bun = RUNTIMES['bun:sqlite']
test('bun build --compile makes a program with the addon in it', { skip: !bun && 'there is no Bun here' }, async () => {
  const program = join(folder(), 'host')
  await execute(bun, ['build', '--compile', join(project, 'host.cjs'), '--outfile', program], { cwd: project, env: cleanEnvironment(home) })
  assert.ok(existsSync(program))
  assert.equal(await printed(undefined, program), WORKS)
})
