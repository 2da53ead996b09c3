// Loads the addon for this platform. Every error names the addon and says what to do.

import { createRequire } from 'node:module'
import { join } from 'node:path'

import type * as Addon from './addon.js'

/** For each platform and architecture, the packages that may have the addon. On Linux there is one for each C library. */
const PACKAGES: Record<string, readonly string[]> = {
  'linux x64': ['linux-x64-gnu', 'linux-x64-musl'],
  'linux arm64': ['linux-arm64-gnu', 'linux-arm64-musl'],
  'darwin x64': ['darwin-x64'],
  'darwin arm64': ['darwin-arm64'],
  'win32 x64': ['win32-x64-msvc'],
  'win32 arm64': ['win32-arm64-msvc'],
}

/**
 * Loads the addon in the package for that platform. Each has a `require` with its name in it, inside of a `try`: bundlers read
 * such a call, take the addon along, and do not fail where the package is not installed.
 */
function requirePackage(platform: string): typeof Addon {
  try {
    switch (platform) {
      case 'linux-x64-gnu':
        return require('@skillsmith/sync-linux-x64-gnu')
      case 'linux-x64-musl':
        return require('@skillsmith/sync-linux-x64-musl')
      case 'linux-arm64-gnu':
        return require('@skillsmith/sync-linux-arm64-gnu')
      case 'linux-arm64-musl':
        return require('@skillsmith/sync-linux-arm64-musl')
      case 'darwin-x64':
        return require('@skillsmith/sync-darwin-x64')
      case 'darwin-arm64':
        return require('@skillsmith/sync-darwin-arm64')
      case 'win32-x64-msvc':
        return require('@skillsmith/sync-win32-x64-msvc')
      default:
        return require('@skillsmith/sync-win32-arm64-msvc')
    }
  } catch (error) {
    // Only a `try` around the call itself counts for a bundler.
    throw error as Error
  }
}

/** Loads a file of this machine, which no bundler is to look for. A bundle as an ES module has no `__filename`, and no file beside it. */
const requireFile: (path: string) => typeof Addon = createRequire(
  typeof __filename === 'string' ? __filename : join(process.cwd(), 'bundle.js'),
)

const VERSION: string = require('../package.json').version

function load(): typeof Addon {
  const given = process.env.NAPI_RS_NATIVE_LIBRARY_PATH
  if (given) {
    try {
      return checked(requireFile(given))
    } catch (cause) {
      throw failure(
        `Cannot load the addon ${given}, which NAPI_RS_NATIVE_LIBRARY_PATH names: ${text(cause)}. Correct or unset the variable.`,
        cause,
      )
    }
  }
  const here = `${process.platform} ${process.arch}`
  const names = PACKAGES[here]
  if (!names) {
    const supported = Object.keys(PACKAGES).join(', ')
    throw failure(`@skillsmith/sync does not support ${here}. Supported platforms: ${supported}.`)
  }
  const failures: string[] = []
  let cause: unknown
  for (const name of names) {
    // A local build comes first. An addon for another C library fails to load.
    const [file, packageName] = [`../skillsmith-sync.${name}.node`, `@skillsmith/sync-${name}`]
    for (const [id, loaded] of [
      [file, () => requireFile(file)],
      [packageName, () => requirePackage(name)],
    ] as const) {
      try {
        return checked(loaded())
      } catch (error) {
        if (isMissing(error, id)) continue
        cause ??= error
        failures.push(`${id}: ${text(error)}`)
      }
    }
  }
  const wanted = names.map((name) => `@skillsmith/sync-${name}`).join(' or ')
  if (failures.length > 0) {
    throw failure(
      `Cannot load the addon of @skillsmith/sync for ${here}: ${failures.join('; ').replace(/\.$/, '')}. ${adviceFor(cause)}`,
      cause,
    )
  }
  throw failure(
    `@skillsmith/sync needs the package ${wanted} on ${here}, but it is not installed. ` +
      'It is an optional dependency. Run `npm i --include=optional` on this platform.',
  )
}

/** What to do about an addon that is there and does not load. */
function adviceFor(cause: unknown): string {
  // Another installation would change nothing.
  return (cause as NodeJS.ErrnoException).code === 'ERR_DLOPEN_DISABLED'
    ? 'This process may not load addons: start it without --no-addons, and with --allow-addons beside --permission.'
    : 'Reinstall the package on this platform.'
}

/** Refuses an addon of another version, because its functions may differ. */
function checked(addon: typeof Addon): typeof Addon {
  const version = addon.version()
  if (version !== VERSION) {
    throw new Error(`the addon is version ${version}, but @skillsmith/sync is version ${VERSION}; both must have the same version`)
  }
  return addon
}

function isMissing(error: unknown, id: string): boolean {
  const { code, message } = error as NodeJS.ErrnoException
  return code === 'MODULE_NOT_FOUND' && message.includes(id)
}

function text(error: unknown): string {
  return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
}

function failure(message: string, cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), { code: 'ADDON_NOT_FOUND' })
}

export const native: typeof Addon = load()

/** Tells the addon what the clock of JavaScript says, before a call that depends on it: a host's fake timers may have moved it. */
export function atHostTime(): void {
  const now = Date.now()
  if (Number.isSafeInteger(now)) native.setNow(now)
}

/** The environment variables of this thread. A worker may have its own. The addon reads what a prototype has too: this has none. */
export function variables(): Record<string, string> {
  const texts: Record<string, string> = Object.create(null)
  // A host may put an object of its own in the place of process.env, which then has values of any type.
  for (const [name, value] of Object.entries<unknown>(process.env)) {
    const text = textOf(value)
    if (text !== undefined) texts[name] = text
  }
  return texts
}

/** What a variable says: as `process.env` itself would have it, for a `URL` or a list of one, too. `undefined`: nothing. */
function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null || typeof value === 'function' || typeof value === 'symbol') return undefined
  try {
    return String(value)
  } catch {
    return undefined
  }
}
