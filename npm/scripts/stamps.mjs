// The stamp beside each tarball: from which sources it was packed, and its own hash. A tarball that somebody else made, or that
// was packed before the last change, must not be published.

import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

const stampOf = (tarball) => `${tarball}.stamp`
const hashOf = (file) => createHash('sha256').update(readFileSync(file)).digest('hex')

/** Writes the stamp of a tarball that was just packed from these sources. */
export function writeStamp(tarball, sources) {
  writeFileSync(stampOf(tarball), `${JSON.stringify({ sources, tarball: hashOf(tarball) })}\n`)
}

/** Why a tarball must not be published; `undefined` if it may be. */
export function refusalOf(tarball, sources) {
  if (!existsSync(tarball)) return 'it is missing'
  const stamp = stampOf(tarball)
  if (!existsSync(stamp)) return 'it has no stamp of npm run pack'
  const packed = JSON.parse(readFileSync(stamp, 'utf8'))
  if (packed.tarball !== hashOf(tarball)) return 'npm run pack has not made it'
  if (packed.sources !== sources) return 'the sources have changed since it was packed'
  return undefined
}

/** The tag of a version on npm. Only a release is `latest`: `npm install` without a version takes that one. */
export function tagOf(version) {
  const [, prerelease] = version.split(/-(.*)/s)
  if (prerelease === undefined) return 'latest'
  // npm refuses a tag that could be a version.
  const name = prerelease.split('+')[0].split('.')[0]
  return /^[a-z][a-z-]*$/i.test(name) && name !== 'latest' ? name : 'next'
}
