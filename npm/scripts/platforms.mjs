// The eight platforms: their names in npm and Rust, and what they require.

import { Failure } from './run.mjs'

/** The oldest glibc that an addon may need. Every Linux distribution that is still supported has a newer one. */
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
  // Only glibc reports its version here.
  const libc = platform === 'linux' ? (process.report.getReport().header.glibcVersionRuntime ? 'glibc' : 'musl') : undefined
  const found = Object.entries(PLATFORMS).find(([, p]) => p.os === platform && p.cpu === arch && p.libc === libc)
  if (!found) throw new Failure(`no package for ${platform} on ${arch}. Known platforms: ${Object.keys(PLATFORMS).join(', ')}`)
  return found[0]
}

/** The name of the addon's file in its package. */
export const addonFile = (platform) => `skillsmith-sync.${platform}.node`
