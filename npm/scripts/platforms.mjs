// The eight platforms: what npm calls them, what Rust calls them, and what a machine must have.

import { Failure } from './run.mjs'

/** The oldest C library that an addon for glibc may need. Every Linux still supported by its makers has a newer one. */
export const GLIBC_FLOOR = '2.17'

const gnu = (cpu, target) => ({ os: 'linux', cpu, libc: 'glibc', target, runsOn: `Linux on ${cpu} with glibc ${GLIBC_FLOOR} or newer` })
const musl = (cpu, target) => ({ os: 'linux', cpu, libc: 'musl', target, runsOn: `Linux on ${cpu} with musl` })
const darwin = (cpu, target) => ({ os: 'darwin', cpu, target, runsOn: `macOS on ${cpu}` })
const windows = (cpu, target) => ({ os: 'win32', cpu, target, runsOn: `Windows on ${cpu}` })

export const PLATFORMS = {
  'linux-x64-gnu': gnu('x64', 'x86_64-unknown-linux-gnu'),
  'linux-arm64-gnu': gnu('arm64', 'aarch64-unknown-linux-gnu'),
  'linux-x64-musl': musl('x64', 'x86_64-unknown-linux-musl'),
  'linux-arm64-musl': musl('arm64', 'aarch64-unknown-linux-musl'),
  'darwin-x64': darwin('x64', 'x86_64-apple-darwin'),
  'darwin-arm64': darwin('arm64', 'aarch64-apple-darwin'),
  'win32-x64-msvc': windows('x64', 'x86_64-pc-windows-msvc'),
  'win32-arm64-msvc': windows('arm64', 'aarch64-pc-windows-msvc'),
}

/** The platform that this process runs on. */
export function hostPlatform() {
  const { platform, arch } = process
  // Only glibc tells its version here.
  const libc = platform === 'linux' ? (process.report.getReport().header.glibcVersionRuntime ? 'glibc' : 'musl') : undefined
  const found = Object.entries(PLATFORMS).find(([, p]) => p.os === platform && p.cpu === arch && p.libc === libc)
  if (!found) throw new Failure(`there is no package for ${platform} on ${arch}; there are ${Object.keys(PLATFORMS).join(', ')}`)
  return found[0]
}

/** The name of the addon's file in its package. */
export const addonFile = (platform) => `skillsmith-sync.${platform}.node`
