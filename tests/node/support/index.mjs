// What the tests share: the package under test, folders that go away, and real registries.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after } from 'node:test'
import { fileURLToPath } from 'node:url'

/** The root of the project. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../..')

const require = createRequire(import.meta.url)

/** The package, as a CommonJS host gets it. */
export const sync = require(join(ROOT, 'npm'))
/** The addon behind it, for what only tests may do. */
export const addon = require(join(ROOT, `npm/skillsmith-sync.${platform()}.node`))
export const BetterSqlite3 = require('better-sqlite3')

function platform() {
  const { platform, arch } = process
  const names = {
    'linux x64': 'linux-x64-gnu',
    'linux arm64': 'linux-arm64-gnu',
    'darwin x64': 'darwin-x64',
    'darwin arm64': 'darwin-arm64',
  }
  return names[`${platform} ${arch}`]
}

const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target')

/** A folder of its own that is gone after the test file. */
export function folder() {
  const path = mkdtempSync(join(tmpdir(), 'skillsmith-node-'))
  after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** The path of a database that does not exist yet. */
export function newPath() {
  return join(folder(), 'skills.db')
}

/**
 * A registry in a process of its own, until the test file ends.
 *
 * `skills` are invented; `options` are those of tests/registry.
 */
export async function registry(skills, options = {}) {
  const binary = join(TARGET, 'debug/skillsmith-registry')
  if (!existsSync(binary)) throw new Error(`${binary} is missing: cargo build -p skillsmith-test-registry`)
  const child = spawn(binary, ['--skills', String(skills), '--options', JSON.stringify(options), '--until-stdin-closes'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  after(() => child.kill())
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data')
  const baseUrl = line.match(/http:\S+/)[0]
  const origin = new URL(baseUrl).origin
  const control = async (method, path, body) => {
    const answer = await fetch(`${origin}/_control/${path}`, { method, body: body && JSON.stringify(body) })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${path}: ${text}`)
    return text && JSON.parse(text)
  }
  return {
    baseUrl,
    /** For the environment of a process. */
    variables: { SKILLSMITH_API_URL: baseUrl },
    get: (path) => control('GET', path),
    post: (path, body) => control('POST', path, body),
    /** A client of ours for it. */
    client: (options) => new sync.SkillsmithApiClient({ baseUrl, ...options }),
    stop: async () => {
      child.kill()
      await once(child, 'exit')
    },
  }
}

/** Nothing of this machine takes part: no key, no proxy, no home. */
export function cleanEnvironment(home, more = {}) {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(SKILLSMITH_|SUPABASE_|HTTPS?_PROXY$|ALL_PROXY$|NODE_TEST_CONTEXT$)/i.test(name),
  )
  return { ...Object.fromEntries(kept), HOME: home, ...more }
}

/** Waits until `isSo` is true. */
export async function until(isSo, what = 'it', within = 20_000) {
  const end = performance.now() + within
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`${what} did not happen within ${within / 1000} s`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
