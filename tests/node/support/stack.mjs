// The published TypeScript stack, taken as a black box: all of it that this package takes the place of.
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

export * from '../interop/stack.mjs'

const require = createRequire(import.meta.url)
// Its package.json exports no sub-paths, so the file is taken by its place.
const root = dirname(require.resolve('better-sqlite3/package.json'))
const { BackgroundSyncService, createBackgroundSyncService } = await import(
  pathToFileURL(join(root, '../@skillsmith/core/dist/src/sync/BackgroundSyncService.js')).href
)
export { BackgroundSyncService, createBackgroundSyncService }
