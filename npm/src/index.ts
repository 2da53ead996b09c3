import { native } from './native.js'

export { BackgroundSyncService, createBackgroundSyncService } from './background.js'
export { type ApiClientConfig, createApiClient, SkillsmithApiClient } from './client.js'
export type { SyncEndMessage, SyncPageMessage, SyncRequestMessage, SyncStartMessage } from './diagnostics.js'
export { Database, type DatabaseLike, type DatabaseOptions } from './database.js'
export { type RepositoryLike, SyncEngine, type SyncEngineOptions } from './engine.js'
export { type SkillsmithErrorCode, SkillsmithSyncError } from './errors.js'
export type { HostResult } from './host-result.js'
export type { ApiClientLike, HostRegistry, HostSyncRegistry } from './registry.js'
export { FREQUENCY_INTERVALS, SkillRepository, SyncConfigRepository, SyncHistoryRepository } from './repositories.js'
export type { BackgroundSyncOptions, BackgroundSyncState, EngineLike, ScheduleLike } from './service.js'
export { type BackgroundSync, type StartBackgroundSyncOptions, startBackgroundSync } from './start.js'
export type { TokenProvider, TokenRequest } from './token.js'
export type {
  ApiSkill,
  EngineStatus,
  Freshness,
  HealthStatus,
  RequestOptions,
  SearchOptions,
  SearchResponse,
  SkillDetails,
  SkillFilter,
  SkillListOptions,
  SkillMatch,
  SkillPage,
  SkillRecord,
  SkillSearchOptions,
  SkillSearchResults,
  SyncConfig,
  SyncConfigUpdate,
  SyncFrequency,
  SyncHistoryEntry,
  SyncListingOptions,
  SyncOptions,
  SyncProgress,
  SyncResult,
  SyncRunResult,
  SyncStats,
  SyncStatus,
} from './types.js'

declare global {
  // As the library `esnext.disposable` has it, for hosts that compile without.
  interface SymbolConstructor {
    readonly dispose: unique symbol
    readonly asyncDispose: unique symbol
  }
}

/** The version of this package and of its addon. */
export const version: string = native.version()
