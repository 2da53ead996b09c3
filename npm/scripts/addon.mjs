// Builds the addon for one platform as it is published: optimized, without test hooks, without paths of this machine.

import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

import { GLIBC_FLOOR, PLATFORMS } from './platforms.mjs'
import { Failure, inRoot, output, ROOT, run } from './run.mjs'
import { zigbuild } from './zig.mjs'

/** The profile in the root Cargo.toml. */
const PROFILE = 'addon'

/** What SQLite is built without. */
const sqliteFlags = () =>
  readFileSync(inRoot('bindings', 'sqlite.flags'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('-'))
    .join(' ')

/** Folders of this machine, and the names that replace them in an addon. */
export const privateFolders = () => [
  [ROOT, '/skillsmith-sync'],
  [process.env.CARGO_HOME ?? join(homedir(), '.cargo'), '/cargo'],
  [output('rustc', ['--print', 'sysroot']).trim(), '/rust'],
]

/** Builds the addon and returns the path of the file. */
export function buildAddon(platform) {
  const { os, libc, target } = PLATFORMS[platform]
  if (os !== process.platform) throw new Failure(`Cannot build the addon for ${platform} on ${process.platform}. Build it on ${os}.`)
  const library = output('rustc', ['--print', 'target-libdir', '--target', target]).trim()
  if (!existsSync(library)) throw new Failure(`The Rust target ${target} is not installed. Run: rustup target add ${target}`)

  const zig = os === 'linux' ? zigbuild() : undefined
  const environment = { ...process.env, ...zig?.environment, ...flags(platform) }
  // A developer's own flags may require a newer CPU, for example.
  for (const name of ['RUSTFLAGS', 'CFLAGS', 'CARGO_BUILD_TARGET', 'CARGO_BUILD_RUSTFLAGS']) delete environment[name]
  environment.LIBSQLITE3_FLAGS = sqliteFlags()
  const arguments_ = ['--locked', '--package', 'skillsmith-sync-node', '--profile', PROFILE]
  arguments_.push('--target', libc === 'glibc' ? `${target}.${GLIBC_FLOOR}` : target)
  if (zig) run(zig.program, ['zigbuild', ...arguments_], { cwd: ROOT, env: environment })
  else run('cargo', ['build', ...arguments_], { cwd: ROOT, env: environment })
  return join(targetFolder(), target, PROFILE, FILES[os])
}

const FILES = {
  linux: 'libskillsmith_sync_node.so',
  darwin: 'libskillsmith_sync_node.dylib',
  win32: 'skillsmith_sync_node.dll',
}

function flags(platform) {
  const { os, libc, target } = PLATFORMS[platform]
  const rust = privateFolders().map(([folder, name]) => `--remap-path-prefix=${folder}=${name}`)
  // The program that loads the library has musl already.
  if (libc === 'musl') rust.push('-Ctarget-feature=-crt-static')
  // Windows may not have Microsoft's C library installed.
  if (os === 'win32') rust.push('-Ctarget-feature=+crt-static')

  const c = os === 'win32' ? [] : privateFolders().map(([folder, name]) => `-ffile-prefix-map=${folder}=${name}`)
  // No exception unwinds through C, because the Rust callbacks catch all of them.
  if (os !== 'win32') c.push('-fno-unwind-tables', '-fno-asynchronous-unwind-tables')
  // Zig's compiler inlines at -Os, and makes -Os of -Oz too. With a threshold of 10 the addon was 61 KB smaller, for 2 % more
  // instructions where rows are written; 0 is smaller again.
  if (os === 'linux') c.push('-mllvm', '-inline-threshold=0')
  return {
    CARGO_ENCODED_RUSTFLAGS: rust.join('\x1f'),
    [`CFLAGS_${target.replaceAll('-', '_')}`]: c.join(' '),
  }
}

function targetFolder() {
  const metadata = output('cargo', ['metadata', '--format-version', '1', '--no-deps', '--locked', '--manifest-path', inRoot('Cargo.toml')])
  return JSON.parse(metadata).target_directory
}
