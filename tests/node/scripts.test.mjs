// The scripts that pack and publish the packages: which tarballs may be published, and under which tag.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { thirdPartyLicenses } from '../../npm/scripts/licenses.mjs'
import { PLATFORMS } from '../../npm/scripts/platforms.mjs'
import { SOURCES } from '../../npm/scripts/sources.mjs'
import { refusalOf, tagOf, writeStamp } from '../../npm/scripts/stamps.mjs'
import { folder, ROOT } from './support/index.mjs'

describe('a tarball is published', () => {
  const made = () => {
    const tarball = join(folder(), 'package.tgz')
    writeFileSync(tarball, 'as packed')
    return tarball
  }

  test('if npm run pack has made it from the sources as they are', () => {
    const tarball = made()
    writeStamp(tarball, 'sources')
    assert.equal(refusalOf(tarball, 'sources'), undefined)
  })

  test('not after a change of the sources, or of itself, or without a stamp, or if there is none', () => {
    const tarball = made()
    assert.match(refusalOf(tarball, 'sources'), /has no stamp/)
    writeStamp(tarball, 'sources')
    assert.match(refusalOf(tarball, 'other sources'), /sources have changed/)
    writeFileSync(tarball, 'as somebody else made it')
    assert.match(refusalOf(tarball, 'sources'), /has not made it/)
    assert.match(refusalOf(join(folder(), 'none.tgz'), 'sources'), /is missing/)
  })

  test('as latest only if it is a release', () => {
    for (const [version, tag] of [
      ['1.0.0', 'latest'],
      ['1.0.0-beta.1', 'beta'],
      ['1.0.0-rc.2+build-5', 'rc'],
      ['1.0.0-alpha', 'alpha'],
      ['1.0.0-1', 'next'],
      ['1.0.0-latest.1', 'next'],
    ]) {
      assert.equal(tagOf(version), tag, version)
    }
  })

  test('with sources that count its declarations and the READMEs', () => {
    for (const file of ['npm/index.d.ts', 'npm/README.md', 'npm/linux-x64-gnu/README.md'])
      assert.ok(SOURCES.includes(join(ROOT, file)), file)
  })
})

test('the third-party notices hold the text of every licence', () => {
  for (const platform of ['linux-x64-gnu', 'darwin-arm64', 'win32-x64-msvc']) {
    const [head, ...parts] = thirdPartyLicenses(PLATFORMS[platform].target).split(`\n${'-'.repeat(80)}\n\n`)
    assert.match(head, /packages that are linked/)
    assert.ok(parts.length > 5)
    for (const part of parts) assert.ok(part.length > 600, `${platform}: ${part}`)
  }
})
