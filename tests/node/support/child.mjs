// A piece of JavaScript in a process of its own.

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { cleanEnvironment, ROOT } from './index.mjs'

const execute = promisify(execFile)

/**
 * Runs `body`, the text of an async function of `sync` (the package), `BetterSqlite3` and `args`, in a new process, and
 * gives what it returns, by way of JSON. What it throws is `{ name, code, retryable, message }` under `error`.
 *
 * Nothing of this machine takes part: the environment is `env` alone, the home is `home`. As root, `asNobody` gives
 * up the rights of root first.
 */
export async function inChild(body, { args = [], home = '/nonexistent', env = {}, cwd, asNobody = false, flags = [] } = {}) {
  const script = `
    const sync = require(${JSON.stringify(join(ROOT, 'npm'))})
    const BetterSqlite3 = require(${JSON.stringify(join(ROOT, 'tests/node/node_modules/better-sqlite3'))})
    // The binary is loaded by the first connection, and may not be readable for nobody.
    new BetterSqlite3(':memory:').close()
    const args = ${JSON.stringify(args)}
    const body = ${body}
    if (${asNobody} && process.getuid() === 0) { process.setgroups([]); process.setgid(65534); process.setuid(65534) }
    const told = (error) => ({ error: { name: error.name, code: error.code, retryable: error.retryable, message: error.message } })
    Promise.resolve().then(() => body({ sync, BetterSqlite3, args })).then((value) => ({ value }), told)
      .then((outcome) => process.stdout.write(JSON.stringify(outcome)))`
  const { stdout, stderr } = await execute(process.execPath, [...flags, '-e', script], {
    cwd: cwd ?? '/',
    env: cleanEnvironment(home, { NODE_NO_WARNINGS: '1', ...env }),
    timeout: 60_000,
  })
  if (stderr) throw new Error(`the child complains: ${stderr}`)
  return JSON.parse(stdout)
}
