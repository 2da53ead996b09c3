// cargo-zigbuild and Zig, which link against the C library of an old Linux on a new one. Both come from PyPI into a
// folder of ours, checked against the hashes in tools.txt; nothing is installed into the system.

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { Failure, inNpm, output, run } from './run.mjs'

const WANTED = inNpm('scripts', 'tools.txt')

/** The program cargo-zigbuild and the environment that it needs; installed if they are not there yet. */
export function zigbuild() {
  // A build against this machine's own C library would load on no older one, so there is no way around these tools.
  if (process.platform !== 'linux') throw new Failure('the Linux addons can be built on Linux only')
  const hash = createHash('sha256').update(readFileSync(WANTED)).digest('hex').slice(0, 12)
  const folder = inNpm('.tools', `${hash}-${process.arch}`)
  if (!existsSync(folder)) install(folder)
  return {
    program: join(folder, 'bin', 'cargo-zigbuild'),
    environment: { CARGO_ZIGBUILD_ZIG_PATH: join(folder, 'ziglang', 'zig') },
  }
}

function install(folder) {
  const partial = `${folder}.partial-${process.pid}`
  mkdirSync(partial, { recursive: true })
  writeFileSync(inNpm('.tools', '.gitignore'), '*\n')
  try {
    const arguments_ = ['install', '--quiet', '--target', partial, '--no-deps', '--only-binary', ':all:', '--require-hashes']
    try {
      // Not a virtual environment: on Debian, python3 alone cannot make one.
      run(python(), ['-m', 'pip', ...arguments_, '--disable-pip-version-check', '--root-user-action=ignore', '-r', WANTED])
    } catch (error) {
      throw new Failure(
        `cargo-zigbuild and ziglang cannot be had from PyPI: ${error.message}. They are needed for an addon that runs on ` +
          'old systems too; a build without them is not packed.',
      )
    }
    rmSync(folder, { recursive: true, force: true })
    renameSync(partial, folder)
  } finally {
    rmSync(partial, { recursive: true, force: true })
  }
}

function python() {
  for (const name of ['python3', 'python']) {
    try {
      output(name, ['-m', 'pip', '--version'], { quiet: true })
      return name
    } catch {
      // The next one, then.
    }
  }
  throw new Failure('no python3 with pip is on the PATH; on Debian: apt-get install python3-pip')
}
