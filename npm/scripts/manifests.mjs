// What the published package.json files say. Most of it follows from the main package.json, the table of
// platforms and the version in Cargo.toml, so that nothing is decided twice.

import { readFileSync } from 'node:fs'

import { addonFile, PLATFORMS } from './platforms.mjs'
import { Failure, inNpm, inRoot } from './run.mjs'

/** Licence texts of this project; the same in every package. */
export const LICENSES = ['LICENSE', 'LICENSE-APACHE', 'LICENSE-MIT']

/** Licences of what is linked into an addon. */
export const THIRD_PARTY = 'THIRD-PARTY-LICENSES.txt'

export const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'))

export const committedMain = () => readJson(inNpm('package.json'))

/** The one version of everything: `[workspace.package]` in the root's Cargo.toml. */
export function workspaceVersion() {
  const section = readFileSync(inRoot('Cargo.toml'), 'utf8')
    .split(/^\[workspace\.package\]$/m)[1]
    ?.split(/^\[/m)[0]
  const version = section?.match(/^version = "([^"]+)"$/m)?.[1]
  if (!version) throw new Failure('Cargo.toml has no version in [workspace.package]')
  return version
}

/** The package.json of a platform's package, as committed. */
export function platformManifest(platform, main = committedMain()) {
  const { os, cpu, libc, runsOn } = PLATFORMS[platform]
  return {
    name: `${main.name}-${platform}`,
    version: workspaceVersion(),
    description: `The addon of ${main.name} for ${runsOn}`,
    keywords: main.keywords,
    license: main.license,
    os: [os],
    cpu: [cpu],
    ...(libc && { libc: [libc] }),
    main: addonFile(platform),
    files: [addonFile(platform), ...LICENSES, THIRD_PARTY],
    engines: main.engines,
    publishConfig: main.publishConfig,
  }
}

/** The README of a platform's package. */
export function platformReadme(platform, main = committedMain()) {
  return [
    `# ${main.name}-${platform}`,
    `The addon of \`${main.name}\` for ${PLATFORMS[platform].runsOn}.`,
    `Install \`${main.name}\`, which asks for this package where it fits. Nothing in it is meant to be called directly.\n`,
  ].join('\n\n')
}

/**
 * The main package.json as published: without what only a checkout needs, and with the platforms' packages.
 *
 * These stand in no committed file, since `npm ci` refuses a lock file without their checksums, which a version has only
 * after it has been published.
 */
export function publishedMain(main = committedMain()) {
  const { scripts, devDependencies, overrides, napi, private: _, ...rest } = main
  const platforms = Object.keys(PLATFORMS).map((platform) => [`${main.name}-${platform}`, main.version])
  return withRepository({
    ...rest,
    files: [...main.files, ...LICENSES],
    optionalDependencies: Object.fromEntries(platforms),
  })
}

/** A build's provenance is accepted only where the manifest names the repository that built it. */
export function withRepository(manifest) {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository } = process.env
  if (!server || !repository) return manifest
  return { ...manifest, repository: { type: 'git', url: `git+${server}/${repository}.git`, directory: 'npm' } }
}
