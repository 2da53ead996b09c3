/** How often a sync becomes due. */
export type SyncFrequency = 'daily' | 'weekly'

/** The configuration of a database. Times are ISO 8601 text. */
export interface SyncConfig {
  /** Always `default`. */
  id: string
  /** Whether background services sync by themselves. */
  enabled: boolean
  /** How often. */
  frequency: SyncFrequency
  /** Milliseconds between two syncs. */
  intervalMs: number
  /** When the last complete sync started; `null` before the first. */
  lastSyncAt: string | null
  /** When the next one is due; `null`: at once. */
  nextSyncAt: string | null
  /** Skills added and updated by the last complete sync. */
  lastSyncCount: number
  /** Why the last sync failed; `null` if it did not. */
  lastSyncError: string | null
  /** When the row was made, as SQLite wrote it (UTC). */
  createdAt: string
  /** When it was last changed, likewise. */
  updatedAt: string
}

/** What {@link SyncConfigRepository.updateConfig} changes; what is left out stays. */
export interface SyncConfigUpdate {
  /** Switch automatic syncing on or off. */
  enabled?: boolean
  /** Change how often; the next sync moves accordingly. */
  frequency?: SyncFrequency
}

/** How a run stands or ended. */
export type SyncStatus = 'running' | 'success' | 'failed' | 'partial'

/** One run of the history. Times are ISO 8601 text. */
export interface SyncHistoryEntry {
  /** `sync-YYYYMMDDHHMMSS-` and six random characters. */
  id: string
  /** When the run started. */
  startedAt: string
  /** When it ended; `null` while it runs. */
  completedAt: string | null
  /** How it stands or ended. */
  status: SyncStatus
  /** Skills that were new here. */
  skillsAdded: number
  /** Skills that were changed. */
  skillsUpdated: number
  /** Skills that stood here already. */
  skillsUnchanged: number
  /** What went wrong, if anything did. */
  errorMessage: string | null
  /** How long it took, in milliseconds; `null` while it runs. */
  durationMs: number | null
  /** When the entry was made, as SQLite wrote it (UTC). */
  createdAt: string
}

/** What a run did, for its entry. */
export interface SyncRunResult {
  /** Skills that were new here. */
  skillsAdded: number
  /** Skills that were changed. */
  skillsUpdated: number
  /** Skills that stood here already. */
  skillsUnchanged: number
}

/** Figures over the whole history. */
export interface SyncStats {
  /** Entries in all. */
  totalRuns: number
  /** Those that succeeded. */
  successfulRuns: number
  /** Those that failed. */
  failedRuns: number
  /** When the last one succeeded. */
  lastSuccessAt: string | null
  /** Mean duration of the successful ones in milliseconds; `null` without one. */
  averageDurationMs: number | null
}

/** A skill as it stands in the database. */
export interface SkillRecord {
  /** The registry's id. */
  id: string
  /** The name. */
  name: string
  /** What it does. */
  description: string | null
  /** Who wrote it. */
  author: string | null
  /** Where it lives. */
  repoUrl: string | null
  /** From 0 to 1. */
  qualityScore: number | null
  /** How far it is trusted: `official`, `verified`, `curated`, `community`, `unverified`, `experimental`, `unknown`, `local`, or a tier to come. */
  trustTier: string
  /** Its tags. */
  tags: string[]
  /** Whether it can be installed. */
  installable: boolean
  /** The host's own security scan, from 0 to 100; `null` before it. */
  riskScore: number | null
  /** Findings of that scan. */
  securityFindingsCount: number
  /** When it was made. */
  securityScannedAt: string | null
  /** Whether it passed. */
  securityPassed: boolean | null
  /** When the skill was made, by the registry's stamp. */
  createdAt: string | null
  /** When it was last changed, likewise. */
  updatedAt: string | null
}

/** How a run gets on. */
export interface SyncProgress {
  /**
   * What it is doing. The phases appear first in this order; fetching and upserting then alternate, since pages are
   * written as they come.
   */
  phase: 'connecting' | 'fetching' | 'comparing' | 'upserting' | 'complete'
  /** Rows of the listing read, or changed rows written while upserting. */
  current: number
  /** Rows of the listing, or changed rows found so far; 0 while unknown. */
  total: number
  /** Skills looked at so far. */
  skillsProcessed: number
  /** Skills found to be new or changed so far. */
  skillsChanged: number
  /** The same in words, or why the run waits. */
  message?: string
}

/** What a run did. Always added + updated + unchanged + rejected = processed. */
export interface SyncResult {
  /** Whether everything went well. */
  success: boolean
  /** Skills that were new here. */
  skillsAdded: number
  /** Skills that were changed. */
  skillsUpdated: number
  /** Skills that stood here already, or are the user's own. */
  skillsUnchanged: number
  /** Rows that could not be stored; `errors` names them. */
  skillsRejected: number
  /** Different skills that the registry served. */
  totalProcessed: number
  /** What went wrong: the cause of a failed run, and the first 20 rejected rows. */
  errors: string[]
  /** What the user may want to know of, though nothing is lost. */
  warnings: string[]
  /** Whether the registry was listed whole, or could only be searched by words. */
  coverage: 'complete' | 'best-effort'
  /** How long it took, in milliseconds. */
  durationMs: number
  /** Whether nothing was written. */
  dryRun: boolean
}

/** How a sync is to be done. */
export interface SyncOptions {
  /** Compare the content of every row instead of its stamp. Default: false. */
  force?: boolean
  /** Only count what would be done. Default: false. */
  dryRun?: boolean
  /** Rows per page, from 1 to 10,000; the registry may give fewer. Default: 100. */
  pageSize?: number
  /** The longest that the run may take, in milliseconds; what it did not reach is left to the next. Default: 30 minutes. */
  deadlineMs?: number
  /**
   * Told how the run gets on, about 60 times a second at most, in order, and never after the promise has settled.
   * If it throws, the run ends with that error.
   */
  onProgress?: (progress: SyncProgress) => void
  /** Stops the run; what it wrote is kept. */
  signal?: AbortSignal
}

/** How things stand. */
export interface EngineStatus {
  /** The configuration. */
  config: SyncConfig
  /** The last successful run. */
  lastRun: SyncHistoryEntry | null
  /** Whether a sync is under way, in this process or another. */
  isRunning: boolean
  /** Whether automatic syncing is on and the next sync is due. */
  isDue: boolean
}

/** What a registry says of itself. */
export interface HealthStatus {
  /** Whether it serves. */
  status: 'healthy' | 'degraded' | 'unhealthy'
  /** When it was asked. */
  timestamp: string
  /** Its version; `unknown` where it does not say. */
  version: string
}

/** A page of the registry's listing. */
export interface SearchOptions {
  /** A search word. */
  query?: string
  /** Only skills of this tier. */
  trustTier?: string
  /** Only skills of this category. */
  category?: string
  /** Only skills with at least this quality score, in the measure of the registry. */
  minQualityScore?: number
  /** Rows wanted. Default: 100, which is also what the live registry gives at most. */
  limit?: number
  /** Rows to pass over. Default: 0. */
  offset?: number
}

/** A page as the registry served it: fields in its own spelling. */
export interface SearchResponse {
  /** The rows. */
  data: ApiSkill[]
  /** What the registry says of the page: `total`, `limit`, `offset`, with meanings that differ between its versions. */
  meta?: Record<string, unknown>
}

/** A row as the registry served it. Any field but these may be missing, and unknown ones may appear. */
export interface ApiSkill {
  /** The skill's id. */
  id: string
  /** Its name. */
  name: string
  [field: string]: unknown
}
