// What an error of the package has to look like. The README's table decides.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { ROOT, sync } from './index.mjs'

const ROW = /^\| (?<number>\d{3}) \| `(?<name>[A-Z_]+)` \| (?<retryable>yes|no) \|$/gm

/** The README's table of errors: name → whether it is retryable. */
export const RETRYABLE = new Map(
  [...readFileSync(join(ROOT, 'README.md'), 'utf8').matchAll(ROW)].map(({ groups }) => [groups.name, groups.retryable === 'yes']),
)
assert.ok(RETRYABLE.size > 30, `the README's table of errors was not found: ${RETRYABLE.size} rows`)

/** A real SkillsmithSyncError of that code, whose text matches. */
export function assertSyncError(error, code, text = /./) {
  assert.ok(error instanceof sync.SkillsmithSyncError, `not a SkillsmithSyncError: ${error?.stack ?? error}`)
  assert.ok(error instanceof Error)
  assert.equal(error.name, 'SkillsmithSyncError')
  assert.equal(error.code, code, error.message)
  assert.ok(RETRYABLE.has(error.code), `${error.code} is not in the README's table`)
  assert.equal(error.retryable, RETRYABLE.get(error.code), `retryable of ${error.code}`)
  assert.match(error.message, text)
}

/** For `assert.throws` and `assert.rejects`. */
export const syncError = (code, text) => (error) => {
  assertSyncError(error, code, text)
  return true
}

/** A TypeError that names the argument and what it should have been. */
export const wrongType = (name, expected) => (error) => {
  assert.ok(error instanceof TypeError, `not a TypeError: ${error?.stack ?? error}`)
  assert.equal(error.code, 'INVALID_ARGUMENT')
  assert.ok(error.message.startsWith(`${name} must be `), `names another argument than ${name}: ${error.message}`)
  assert.match(error.message, expected)
  return true
}

/** A RangeError that names the argument. */
export const outOfRange = (name) => (error) => {
  assert.ok(error instanceof RangeError, `not a RangeError: ${error?.stack ?? error}`)
  assert.equal(error.code, 'INVALID_ARGUMENT')
  assert.ok(error.message.startsWith(`${name} is `), `names another argument than ${name}: ${error.message}`)
  return true
}
