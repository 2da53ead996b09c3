// Finds the addon for this platform. Every failure says what was looked for and what to do.

import type * as Addon from './addon.js'

/** Node's platform and architecture, and the packages that may hold their addon; on Linux one for each C library. */
const PACKAGES: Record<string, readonly string[]> = {
  'linux x64': ['linux-x64-gnu', 'linux-x64-musl'],
  'linux arm64': ['linux-arm64-gnu', 'linux-arm64-musl'],
  'darwin x64': ['darwin-x64'],
  'darwin arm64': ['darwin-arm64'],
  'win32 x64': ['win32-x64-msvc'],
  'win32 arm64': ['win32-arm64-msvc'],
}

const VERSION: string = require('../package.json').version

function load(): typeof Addon {
  const given = process.env.NAPI_RS_NATIVE_LIBRARY_PATH
  if (given) {
    try {
      return checked(require(given))
    } catch (cause) {
      throw failure(`NAPI_RS_NATIVE_LIBRARY_PATH names ${given}, which cannot be loaded: ${text(cause)}`, cause)
    }
  }
  const here = `${process.platform} ${process.arch}`
  const names = PACKAGES[here]
  if (!names) {
    const supported = Object.keys(PACKAGES).join(', ')
    throw failure(`@skillsmith/sync has no prebuilt addon for ${here}. Supported: ${supported}.`)
  }
  const found: string[] = []
  let cause: unknown
  for (const name of names) {
    // The first is a build of this project's own; whichever does not fit this system's C library fails to load.
    for (const place of [`../skillsmith-sync.${name}.node`, `@skillsmith/sync-${name}`]) {
      try {
        return checked(require(place))
      } catch (error) {
        if (isMissing(error, place)) continue
        cause ??= error
        found.push(`${place}: ${text(error)}`)
      }
    }
  }
  const wanted = names.map((name) => `@skillsmith/sync-${name}`).join(' or ')
  if (found.length > 0) {
    throw failure(`The addon of @skillsmith/sync for ${here} was found but cannot be loaded. ${found.join('; ')}`, cause)
  }
  throw failure(
    `@skillsmith/sync needs the package ${wanted} on ${here}, and it is not installed. ` +
      'It comes as an optional dependency: install it with `npm i --include=optional`, on the platform where it is to run.',
  )
}

/** An addon of another version would be called with arguments that it does not expect. */
function checked(addon: typeof Addon): typeof Addon {
  const version = addon.version()
  if (version !== VERSION) {
    throw new Error(`it is version ${version}, but @skillsmith/sync is ${VERSION}; install both anew`)
  }
  return addon
}

function isMissing(error: unknown, place: string): boolean {
  const { code, message } = error as NodeJS.ErrnoException
  return code === 'MODULE_NOT_FOUND' && message.includes(place)
}

function text(error: unknown): string {
  return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
}

function failure(message: string, cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), { code: 'ADDON_NOT_FOUND' })
}

export const native: typeof Addon = load()

/** The environment as this thread sees it: a worker may have one of its own. */
export function variables(): Record<string, string> {
  return { ...process.env } as Record<string, string>
}
