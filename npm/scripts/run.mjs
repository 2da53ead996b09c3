// Small things that every script here needs.

import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the npm package, and the repository around it. */
export const NPM = dirname(dirname(fileURLToPath(import.meta.url)))
export const ROOT = dirname(NPM)

/** What went wrong in words that need no stack trace. */
export class Failure extends Error {}

/** Runs a program to its end with its output going where ours goes. */
export function run(program, args, options = {}) {
  finished(program, args, spawnSync(program, args, { stdio: ['ignore', 2, 2], ...options }))
}

/** Runs a program and returns what it printed. */
export function output(program, args, options = {}) {
  const stdio = ['ignore', 'pipe', options.quiet ? 'ignore' : 2]
  const child = spawnSync(program, args, { stdio, encoding: 'utf8', maxBuffer: 1 << 28, ...options })
  finished(program, args, child)
  return child.stdout
}

/** npm itself; its own entry where there is one, since on Windows `npm` is a script that only a shell can start. */
export function npm(args, options) {
  const entry = process.env.npm_execpath
  if (entry?.endsWith('.js')) run(process.execPath, [entry, ...args], { cwd: NPM, ...options })
  else run('npm', args, { cwd: NPM, shell: process.platform === 'win32', ...options })
}

/** The places of things inside the package. */
export const inNpm = (...parts) => join(NPM, ...parts)
export const inRoot = (...parts) => join(ROOT, ...parts)

/** Runs a script's main function; a {@link Failure} becomes one line. */
export async function main(work) {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    process.stderr.write(`\nerror: ${error.message}\n`)
    process.exitCode = 1
  }
}

function finished(program, args, child) {
  const command = [program, ...args].join(' ')
  if (child.error?.code === 'ENOENT') throw new Failure(`${program} is needed and not on the PATH (${command})`)
  if (child.error) throw new Failure(`${command}: ${child.error.message}`)
  if (child.status !== 0) throw new Failure(`${command} ended with ${child.status ?? child.signal}`)
}
