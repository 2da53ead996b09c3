// Builds the addon for one platform as it is published: optimized, without test hooks, without paths of this machine.

import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

import { GLIBC_FLOOR, PLATFORMS } from './platforms.mjs'
import { Failure, inRoot, output, ROOT, run } from './run.mjs'
import { zigbuild } from './zig.mjs'

/** The profile in the root Cargo.toml. */
const PROFILE = 'addon'

/**
 * What SQLite is built without: modules for tables that this library never reads, statistics and names of a kind that it does not need,
 * 0.13 MB. A file that has such tables beside the skills stays as it is.
 */
const SQLITE_WITHOUT = ['FTS3', 'FTS3_PARENTHESIS', 'RTREE', 'DBSTAT_VTAB', 'STAT4', 'LOAD_EXTENSION', 'API_ARMOR', 'COLUMN_METADATA']

/** Interfaces of SQLite that nothing here calls. Without extensions no table names every function. */
const SQLITE_OMITS = [
  ...['LOAD_EXTENSION', 'SHARED_CACHE', 'DEPRECATED', 'DESERIALIZE', 'TRACE', 'AUTHORIZATION', 'GET_TABLE', 'COMPLETE'],
  ...['TCL_VARIABLE', 'DECLTYPE', 'COMPILEOPTION_DIAGS', 'TEST_CONTROL'],
]

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
  const without = SQLITE_WITHOUT.map((module) => `-USQLITE_ENABLE_${module}`)
  const omits = SQLITE_OMITS.map((part) => `-DSQLITE_OMIT_${part}`)
  environment.LIBSQLITE3_FLAGS = [...without, ...omits].join(' ')
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
  return {
    CARGO_ENCODED_RUSTFLAGS: rust.join('\x1f'),
    [`CFLAGS_${target.replaceAll('-', '_')}`]: c.join(' '),
  }
}

function targetFolder() {
  const metadata = output('cargo', ['metadata', '--format-version', '1', '--no-deps', '--locked', '--manifest-path', inRoot('Cargo.toml')])
  return JSON.parse(metadata).target_directory
}
