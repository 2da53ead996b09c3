// Finds values that appear in several files of the packages and do not match.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'

import { committedMain, platformManifest, platformReadme, readJson, workspaceVersion } from './manifests.mjs'
import { GLIBC_FLOOR, PLATFORMS } from './platforms.mjs'
import { inNpm, inRoot } from './run.mjs'

/** Scripts that npm runs when it installs a package. This package must not have any. */
const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall', 'prepare']

/** One sentence for each mismatch. */
export function driftOfManifests() {
  return [...mainPackage(), ...platformPackages(), ...workflows()]
}

function* mainPackage() {
  const main = committedMain()
  const version = workspaceVersion()
  const lock = readJson(inNpm('package-lock.json'))
  const said = {
    'npm/package.json': main.version,
    'npm/package-lock.json': lock.version,
    'npm/package-lock.json, packages': lock.packages[''].version,
  }
  for (const [where, found] of Object.entries(said)) {
    if (found !== version) yield `${where} says version ${found}, Cargo.toml ${version}`
  }
  for (const name of INSTALL_SCRIPTS) if (main.scripts[name]) yield `npm/package.json has a script "${name}"`
  if (main.dependencies) yield 'npm/package.json has run-time dependencies'
  if (main.optionalDependencies) yield 'npm/package.json has optionalDependencies: those are written when it is packed'

  const targets = Object.values(PLATFORMS).map(({ target }) => target)
  if (!isDeepStrictEqual([...main.napi.targets].sort(), targets.sort())) {
    yield 'the targets in npm/package.json are not those in npm/scripts/platforms.mjs'
  }
  const loader = readFileSync(inNpm('src', 'native.ts'), 'utf8')
  for (const platform of Object.keys(PLATFORMS)) {
    if (!loader.includes(`'${platform}'`)) yield `npm/src/native.ts does not know ${platform}`
  }
  if (!readFileSync(inNpm('README.md'), 'utf8').includes(`glibc ${GLIBC_FLOOR}`)) yield `npm/README.md does not say glibc ${GLIBC_FLOOR}`
}

function* platformPackages() {
  const folders = readdirSync(inNpm(), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'node_modules' && existsSync(inNpm(entry.name, 'package.json')))
    .map((entry) => entry.name)
  for (const name of folders) if (!PLATFORMS[name]) yield `npm/${name} is not the package of a platform in npm/scripts/platforms.mjs`
  for (const platform of Object.keys(PLATFORMS)) {
    const isRight =
      folders.includes(platform) &&
      isDeepStrictEqual(readJson(inNpm(platform, 'package.json')), platformManifest(platform)) &&
      existsSync(inNpm(platform, 'README.md')) &&
      readFileSync(inNpm(platform, 'README.md'), 'utf8') === platformReadme(platform)
    if (!isRight) yield `npm/${platform} is out of date. Run npm run platforms.`
  }
}

/** Actions must be pinned to a commit, because a tag can be moved to other code. */
function* workflows() {
  const folder = inRoot('.github', 'workflows')
  for (const file of readdirSync(folder)) {
    for (const [, action] of readFileSync(`${folder}/${file}`, 'utf8').matchAll(/uses:\s*(\S+)/g)) {
      const isPinned = action.startsWith('./') || /@[0-9a-f]{40}$/.test(action)
      if (!isPinned) yield `.github/workflows/${file}: ${action} is not pinned to a commit`
    }
  }
}
