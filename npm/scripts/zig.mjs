// Installs cargo-zigbuild and Zig, which link against an old C library on a new Linux. Both come from PyPI into a folder of
// this package and are checked against the hashes in tools.txt. Nothing is installed into the system.

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { Failure, inNpm, output, run } from './run.mjs'

const WANTED = inNpm('scripts', 'tools.txt')

/** Path of cargo-zigbuild and its environment. Installs the tools if they are missing. */
export function zigbuild() {
  // Without these tools, the addon would not load on a system with an older C library than this one.
  if (process.platform !== 'linux') throw new Failure('Linux addons can only be built on Linux')
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
      // Not a virtual environment, because python3 alone cannot create one on Debian.
      run(python(), ['-m', 'pip', ...arguments_, '--disable-pip-version-check', '--root-user-action=ignore', '-r', WANTED])
    } catch (error) {
      throw new Failure(
        `cannot install cargo-zigbuild and ziglang from PyPI: ${error.message}. An addon for old systems needs them, and ` +
          'an addon built without them is not packed.',
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
      // Try the next one.
    }
  }
  throw new Failure('python3 with pip is not on the PATH. On Debian, run: apt-get install python3-pip')
}
