// Installs the tarballs in `npm/dist` into an empty folder and uses what was installed: on whatever system this runs, with
// whatever Node, without Rust and without a network.

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { workspaceVersion } from './manifests.mjs'
import { Failure, inNpm, main, npm, output } from './run.mjs'

const HOST = `
  const sync = require('@skillsmith/sync')
  const database = new sync.Database('skills.db')
  const engine = new sync.SyncEngine({ db: database, apiClient: new sync.SkillsmithApiClient({ offlineMode: true }) })
  engine.sync().then(({ errors }) => {
    const [{ status }] = new sync.SyncHistoryRepository(database).getHistory()
    database.close()
    console.log([sync.version, status, ...errors].join())
  })
`

await main(() => {
  const folder = mkdtempSync(join(tmpdir(), 'skillsmith-packed-'))
  try {
    const tarballs = readdirSync(inNpm('dist'))
      .filter((name) => name.endsWith('.tgz'))
      .map((name) => inNpm('dist', name))
    writeFileSync(join(folder, 'package.json'), '{"private": true}\n')
    npm(['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', ...tarballs], { cwd: folder })
    writeFileSync(join(folder, 'host.cjs'), HOST)
    const told = output(process.execPath, ['host.cjs'], { cwd: folder }).trim()
    const expected = `${workspaceVersion()},failed,API client is in offline mode. Cannot sync.`
    if (told !== expected) throw new Failure(`it told "${told}" instead of "${expected}"`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
