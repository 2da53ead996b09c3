// The parts of the published TypeScript stack that share the database with this library.
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

const require = createRequire(import.meta.url)
// Its package.json exports no sub-paths, so the files are taken by their place. The main entry would load far more
// than is needed here.
const root = dirname(require.resolve('better-sqlite3/package.json'))
const part = (file) => import(pathToFileURL(join(root, '../@skillsmith/core/dist/src', file)).href)

export const { createDatabase, openDatabase, closeDatabase, getSchemaVersion } = await part('db/schema.js')
export const { SyncConfigRepository } = await part('repositories/SyncConfigRepository.js')
export const { SyncHistoryRepository } = await part('repositories/SyncHistoryRepository.js')
export const { SkillRepository } = await part('repositories/SkillRepository.js')
export const { CacheRepository } = await part('repositories/CacheRepository.js')
export const { SearchService } = await part('services/SearchService.js')
export const { SyncEngine } = await part('sync/SyncEngine.js')
export const { SkillsmithApiClient } = await part('api/client.js')
