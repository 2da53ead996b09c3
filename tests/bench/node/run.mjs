// This engine and the TypeScript one, beside each other in one run: node tests/bench/node/run.mjs [SIZE…]
//
// Needs the release build of the addon (`npm run pack` in npm/) and tests/node/setup. Each sync is a process of its own; the
// registry is another, on the same machine.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { packedAddon } from './packed.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'skillsmith-bench-'))
const addon = packedAddon(scratch)
const sizes = process.argv.slice(2).map(Number)

function one(who, ...rest) {
  const env = { ...process.env, NAPI_RS_NATIVE_LIBRARY_PATH: addon }
  const done = spawnSync(process.execPath, [join(here, 'one.mjs'), who, ...rest], { env, encoding: 'utf8' })
  const cost = done.status === 0 && JSON.parse(done.stdout)
  if (!cost?.success) throw new Error(`${who} ${rest.join(' ')}: ${done.stdout}${done.stderr}`)
  return cost
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

const number = (value, digits = 0) => value.toFixed(digits)
const columns = (cells) => console.log(`| ${cells.join(' | ')} |`)

async function measure(size) {
  const folder = mkdtempSync(join(tmpdir(), 'skillsmith-bench-'))
  const port = await freePort()
  const registry = spawn(process.execPath, ['--max-old-space-size=4096', join(here, 'registry.mjs'), String(size), String(port)])
  registry.stderr.pipe(process.stderr)
  const url = `http://127.0.0.1:${port}`
  try {
    await once(registry.stdout, 'data')
    const empty = one('empty')
    const paths = { ours: join(folder, 'ours.db'), typescript: join(folder, 'typescript.db') }
    for (const [name, mode, before] of [
      ['first sync', '', () => {}],
      ['nothing changed', '', () => {}],
      ['forced', 'force', () => {}],
      ['1 % changed', '', () => fetch(`${url}/touch?fraction=0.01`)],
    ]) {
      await before()
      const ours = one('ours', url, paths.ours, mode)
      const theirs = one('typescript', url, paths.typescript, mode)
      if (ours.totalProcessed !== size || theirs.totalProcessed !== size) throw new Error('not everything was processed')
      columns([
        size.toLocaleString('en'),
        name,
        `${number(ours.wall)} ms`,
        `${number(theirs.wall)} ms`,
        number(theirs.wall / ours.wall, 1),
        `${number(ours.stall, 1)} ms`,
        `${number(theirs.stall, 1)} ms`,
        `${number(ours.peak - empty.peak)} MiB`,
        `${number(theirs.peak - empty.peak)} MiB`,
        `${number(ours.loaded, 1)} ms`,
        `${number(theirs.loaded, 1)} ms`,
      ])
    }
  } finally {
    registry.kill()
    rmSync(folder, { recursive: true, force: true })
  }
}

columns(['Skills', 'Case', 'Ours', 'TypeScript', 'Times faster', 'Stall', 'TS', 'Memory', 'TS', 'Load', 'TS'])
columns(Array.from({ length: 11 }, () => '---'))
try {
  for (const size of sizes.length > 0 ? sizes : [10_000, 100_000]) await measure(size)
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
