// Collects the licence texts of all packages that are linked into an addon. Most of these licences require their text to be
// distributed with the binary.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { Failure, output, ROOT } from './run.mjs'

const LICENSE_FILE = /^(licen[cs]e|copying|copyright|notice|unlicense)/i

const HEAD = `The packages that are linked into this addon, and their licences. Where a package offers the choice between MIT and
another licence, MIT is chosen. SQLite is in the public domain. Rust's standard library and LLVM's run-time
libraries are used under the Apache License 2.0, which is in LICENSE-APACHE.
`

/** The content of the file for one Rust target. */
export function thirdPartyLicenses(target) {
  const linked = linkedPackages(target)
  /** @type {Map<string, string[]>} The packages by the text of their licence. */
  const byText = new Map()
  for (const { name, version, license, folder } of linked) {
    const text = licenseText(name, folder, license)
    byText.set(text, [...(byText.get(text) ?? []), `${name} ${version} (${license})`])
  }
  const parts = [...byText].map(([text, packages]) => `${packages.join('\n')}\n\n${text.trim()}\n`)
  return [HEAD, ...parts].join(`\n${'-'.repeat(80)}\n\n`)
}

function linkedPackages(target) {
  const where = { cwd: ROOT }
  const tree = ['tree', '--locked', '--package', 'skillsmith-sync-node', '--target', target]
  const lines = output('cargo', [...tree, '--edges', 'normal,no-proc-macro', '--prefix', 'none', '--format', '{p}'], where)
  const wanted = new Set([...lines.matchAll(/^(\S+) v(\S+)/gm)].map(([, name, version]) => `${name} ${version}`))

  const metadata = ['metadata', '--locked', '--format-version', '1', '--filter-platform', target]
  return JSON.parse(output('cargo', metadata, where))
    .packages.filter((found) => found.source && wanted.has(`${found.name} ${found.version}`))
    .map(({ name, version, license, manifest_path: manifest }) => ({ name, version, license, folder: dirname(manifest) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

function licenseText(name, folder, license) {
  const files = readdirSync(folder)
    .filter((file) => LICENSE_FILE.test(file))
    .sort()
  const mit = files.filter((file) => /mit/i.test(file))
  const chosen = / OR |\//.test(license ?? '') && mit.length > 0 ? mit : files
  if (!license && chosen.length === 0) throw new Failure(`the package ${name} names no licence`)
  if (chosen.length === 0) return standardText(name, license)
  return chosen.map((file) => readFileSync(join(folder, file), 'utf8').replaceAll('\r\n', '\n').trim()).join('\n\n')
}

/** What a licence asks to be kept is its text. Some packages name theirs only; of the choices of such a one, MIT is taken. */
function standardText(name, license) {
  if (!/\bMIT\b/.test(license)) throw new Failure(`the package ${name} has no licence text, and ${license} is not known here`)
  return `The package has no licence text of its own; its manifest says: ${license}.\n\n${MIT}`
}

const MIT = `MIT License

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the
"Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge,
publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so,
subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR
ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH
THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`
