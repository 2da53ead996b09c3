// Functions that all scripts share.

import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the npm package, and the repository around it. */
export const NPM = dirname(dirname(fileURLToPath(import.meta.url)))
export const ROOT = dirname(NPM)

/** An error that is printed without a stack trace. */
export class Failure extends Error {}

/** Runs a program and waits for it. Its output goes to stderr. */
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

/** Runs npm. Uses npm's JavaScript entry point if it is known, because on Windows only a shell can start `npm`. */
export function npm(args, options) {
  const entry = process.env.npm_execpath
  if (entry?.endsWith('.js')) run(process.execPath, [entry, ...args], { cwd: NPM, ...options })
  else run('npm', args, { cwd: NPM, shell: process.platform === 'win32', ...options })
}

/** Paths inside the package and the repository. */
export const inNpm = (...parts) => join(NPM, ...parts)
export const inRoot = (...parts) => join(ROOT, ...parts)

/** Runs the main function of a script. Prints a {@link Failure} as one line. */
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
  if (child.error?.code === 'ENOENT') throw new Failure(`${program} is not on the PATH. It is needed for: ${command}`)
  if (child.error) throw new Failure(`${command}: ${child.error.message}`)
  if (child.status !== 0) throw new Failure(`${command} ended with ${child.status ?? child.signal}`)
}
