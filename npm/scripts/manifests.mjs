// Generates the published package.json files from the main package.json, the table of platforms and the version in
// Cargo.toml.

import { readFileSync } from 'node:fs'

import { addonFile, PLATFORMS } from './platforms.mjs'
import { Failure, inNpm, inRoot } from './run.mjs'

/** Licence texts of this project; the same in every package. */
export const LICENSES = ['LICENSE', 'LICENSE-APACHE', 'LICENSE-MIT']

/** Licences of the packages that are linked into an addon. */
export const THIRD_PARTY = 'THIRD-PARTY-LICENSES.txt'

export const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'))

export const committedMain = () => readJson(inNpm('package.json'))

/** The version of all packages: `[workspace.package]` in the root Cargo.toml. */
export function workspaceVersion() {
  const section = readFileSync(inRoot('Cargo.toml'), 'utf8')
    .split(/^\[workspace\.package\]$/m)[1]
    ?.split(/^\[/m)[0]
  const version = section?.match(/^version = "([^"]+)"$/m)?.[1]
  if (!version) throw new Failure('Cargo.toml has no version in [workspace.package]')
  return version
}

/** The package.json of a platform package, as committed. */
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

/** The README of a platform package. */
export function platformReadme(platform, main = committedMain()) {
  return [
    `# ${main.name}-${platform}`,
    `The addon of \`${main.name}\` for ${PLATFORMS[platform].runsOn}.`,
    `Install \`${main.name}\` instead. It installs this package on the platforms that need it.\n`,
  ].join('\n\n')
}

/**
 * The main package.json as published: without the fields that only a checkout needs, and with the platform packages.
 *
 * No committed file has the platform packages, because `npm ci` requires their checksums in the lock file, and a version has
 * checksums only after it is published.
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

/** npm accepts the provenance of a build only if the manifest names the repository that built it. */
export function withRepository(manifest) {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository } = process.env
  if (!server || !repository) return manifest
  return { ...manifest, repository: { type: 'git', url: `git+${server}/${repository}.git`, directory: 'npm' } }
}
