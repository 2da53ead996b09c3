// Checks a built addon before it is packed.

import { readFileSync } from 'node:fs'

import { privateFolders } from './addon.mjs'
import { GLIBC_FLOOR, hostPlatform, PLATFORMS } from './platforms.mjs'
import { Failure, inNpm, output } from './run.mjs'

// The C library may have 5 MiB (bindings/c/build). With the searches of the command line, and what looks into hostile files, the
// addon has 0.1 more: nearly a fifth of it is what unwinds panics, and 0.15 MiB one table of a curve.
const LARGEST = 5.5 * 1024 * 1024

/** Libraries that every Linux has. ld-linux is the dynamic linker. */
const LIBRARIES = {
  glibc: /^(libc\.so\.6|libm\.so\.6|libpthread\.so\.0|libdl\.so\.2|librt\.so\.1|ld-linux-[\w-]+\.so\.\d)$/,
  musl: /^libc\.(so|musl-\w+\.so\.1)$/,
}

/** Throws a {@link Failure} with all problems. Returns figures to print. */
export function inspectAddon(platform, file) {
  const bytes = readFileSync(file)
  const wrong = []
  if (bytes.length >= LARGEST) wrong.push(`it has ${bytes.length} bytes, and ${LARGEST} are too many`)
  for (const [folder] of privateFolders()) {
    if (bytes.includes(folder)) wrong.push(`it contains ${folder}, a folder of this machine`)
  }
  if (bytes.includes('testPanic')) wrong.push('it was built with test hooks')

  const facts = { bytes: bytes.length }
  if (PLATFORMS[platform].os === 'linux') Object.assign(facts, inspectElf(PLATFORMS[platform].libc, file, wrong))
  if (platform === hostPlatform()) inspectExports(file, wrong)
  if (wrong.length > 0) throw new Failure(`the addon for ${platform} cannot be published: ${wrong.join('; ')}`)
  return facts
}

function inspectElf(libc, file, wrong) {
  const readelf = (...flags) => output('readelf', ['--wide', ...flags, file], { env: { ...process.env, LC_ALL: 'C' } })

  if (/ \.symtab /.test(readelf('--sections'))) wrong.push('it is not stripped')
  const dynamic = readelf('--dynamic')
  if (!dynamic.includes('NODELETE')) wrong.push('Node may unload it while one of its threads still runs (no -z nodelete)')
  for (const [, library] of dynamic.matchAll(/\(NEEDED\).*\[(.+)\]/g)) {
    if (!LIBRARIES[libc].test(library)) wrong.push(`it needs ${library}`)
  }

  const known = new Set(readFileSync(inNpm('scripts', 'node-api-8.txt'), 'utf8').split('\n'))
  const versions = new Set()
  for (const symbol of symbols(readelf('--dyn-syms'))) {
    if (symbol.version) versions.add(symbol.version)
    if (symbol.isDefined) {
      if (symbol.name !== 'napi_register_module_v1') wrong.push(`it exports ${symbol.name}`)
    } else if (/^(napi|node_api)_/.test(symbol.name)) {
      if (!known.has(symbol.name)) wrong.push(`it needs ${symbol.name}, which Node-API 8 does not have`)
    } else if (libc === 'glibc' && !symbol.version && !symbol.isWeak) {
      wrong.push(`it needs ${symbol.name}, which no known library has`)
    }
  }

  const glibc = [...versions].filter((version) => version.startsWith('GLIBC_')).map((version) => version.slice(6))
  const highest = glibc.sort(byVersion).at(-1)
  if (libc === 'musl' && highest) wrong.push('it needs glibc')
  if (libc === 'glibc' && (!highest || byVersion(highest, GLIBC_FLOOR) > 0)) wrong.push(`it needs glibc ${highest}, above ${GLIBC_FLOOR}`)
  return libc === 'glibc' ? { glibc: highest } : {}
}

function* symbols(table) {
  for (const line of table.split('\n')) {
    // Num: Value Size Type Bind Vis Ndx Name@VERSION (n)
    const [number, , , , bind, , section, name] = line.trim().split(/\s+/)
    if (!/^\d+:$/.test(number) || !name) continue
    const [bare, version] = name.split(/@+/)
    yield { name: bare, version, isDefined: section !== 'UND', isWeak: bind === 'WEAK' }
  }
}

/** Loads the addon in a process of its own and compares its exports with the declarations. */
function inspectExports(file, wrong) {
  // `require` accepts only the extension .node.
  const program =
    'const addon = { exports: {} }; process.dlopen(addon, process.argv[1]); console.log(JSON.stringify(Object.keys(addon.exports)))'
  const has = JSON.parse(output(process.execPath, ['-e', program, file]))
  const types = readFileSync(inNpm('src', 'addon.d.ts'), 'utf8')
  const declared = [...types.matchAll(/^export declare (?:class|function) (\w+)/gm)].map(([, name]) => name)
  for (const name of has) if (!declared.includes(name)) wrong.push(`it has ${name}, which src/addon.d.ts does not declare`)
  for (const name of declared) if (!has.includes(name)) wrong.push(`it does not have ${name}, which src/addon.d.ts declares`)
}

function byVersion(a, b) {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number))
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0)
    if (difference) return difference
  }
  return 0
}
