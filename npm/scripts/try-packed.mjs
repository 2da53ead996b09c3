// Installs the tarballs in `npm/dist` into an empty folder and runs a sync with them. It works on any system and Node
// version, and needs no Rust and no network.

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
    const printed = output(process.execPath, ['host.cjs'], { cwd: folder }).trim()
    const expected = `${workspaceVersion()},failed,API client is in offline mode. Cannot sync.`
    if (printed !== expected) throw new Failure(`the host printed "${printed}" instead of "${expected}"`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
