import type { SkillsmithErrorCode } from './errors.js'

/** How often a sync becomes due. */
export type SyncFrequency = 'daily' | 'weekly'

/** Configuration of a database. Times are ISO 8601 strings. */
export interface SyncConfig {
  /** Always `default`. */
  id: string
  /** Whether automatic syncing is enabled. */
  enabled: boolean
  /** How often a sync becomes due. */
  frequency: SyncFrequency
  /** Milliseconds between two syncs. */
  intervalMs: number
  /** When the last complete sync started; `null` before the first. */
  lastSyncAt: string | null
  /** When the next sync is due; `null` means that it is due now. */
  nextSyncAt: string | null
  /** Number of skills that the last complete sync added or updated. */
  lastSyncCount: number
  /** Error of the last sync; `null` if it succeeded. */
  lastSyncError: string | null
  /** When the configuration was created, in the format of SQLite (UTC). */
  createdAt: string
  /** When the configuration was last changed, in the format of SQLite (UTC). */
  updatedAt: string
}

/** Changes for {@link SyncConfigRepository.updateConfig}. Missing settings stay as they are. */
export interface SyncConfigUpdate {
  /** Enables or disables automatic syncing. */
  enabled?: boolean
  /** Changes the frequency and reschedules the next sync. */
  frequency?: SyncFrequency
}

/** Status of a run. */
export type SyncStatus = 'running' | 'success' | 'failed' | 'partial'

/** A run in the history. Times are ISO 8601 strings. */
export interface SyncHistoryEntry {
  /** Id of the run: `sync-YYYYMMDDHHMMSS-` and six random characters. */
  id: string
  /** When the run started. */
  startedAt: string
  /** When the run ended; `null` while it is running. */
  completedAt: string | null
  /** Status of the run. */
  status: SyncStatus
  /** Number of skills added. */
  skillsAdded: number
  /** Number of skills updated. */
  skillsUpdated: number
  /** Number of skills that had not changed. */
  skillsUnchanged: number
  /** Error of the run, or `null`. */
  errorMessage: string | null
  /** Duration in milliseconds; `null` while the run is running. */
  durationMs: number | null
  /** When the entry was created, in the format of SQLite (UTC). */
  createdAt: string
  /**
   * The code of `errorMessage`, where it is known: of the newest hundred runs that this library ended with an error. Missing from
   * every other entry.
   */
  code?: SkillsmithErrorCode
  /** Whether the same sync may succeed later without a change. Missing where `code` is. */
  retryable?: boolean
}

/** Counters of a run, for its entry in the history. */
export interface SyncRunResult {
  /** Number of skills added. */
  skillsAdded: number
  /** Number of skills updated. */
  skillsUpdated: number
  /** Number of skills that had not changed. */
  skillsUnchanged: number
}

/** Statistics of the whole history. */
export interface SyncStats {
  /** Number of entries. */
  totalRuns: number
  /** Number of successful runs. */
  successfulRuns: number
  /** Number of failed runs. */
  failedRuns: number
  /** When the last successful run ended; `null` if there is none. */
  lastSuccessAt: string | null
  /** Mean duration of successful runs in milliseconds; `null` if there are none. */
  averageDurationMs: number | null
}

/** A skill in the database. */
export interface SkillRecord {
  /** Id of the skill in the registry. */
  id: string
  /** Name of the skill. */
  name: string
  /** Description of the skill. */
  description: string | null
  /** Author of the skill. */
  author: string | null
  /** URL of the repository. */
  repoUrl: string | null
  /** Quality score from 0 to 1. */
  qualityScore: number | null
  /** Trust tier: `official`, `verified`, `curated`, `community`, `unverified`, `experimental`, `unknown`, `local`, or a future tier. */
  trustTier: string
  /** Tags of the skill. */
  tags: string[]
  /** Whether the skill can be installed. */
  installable: boolean
  /** Risk score of the last security scan, the registry's or the host's, from 0 to 100; `null` before the scan. */
  riskScore: number | null
  /** Number of findings of the security scan. */
  securityFindingsCount: number
  /** When the security scan ran; `null` before the scan. */
  securityScannedAt: string | null
  /** Whether the skill passed the security scan; `null` before the scan. */
  securityPassed: boolean | null
  /** When the skill was created, according to the registry. */
  createdAt: string | null
  /** When the skill was last changed, according to the registry. */
  updatedAt: string | null
}

/** How complete and how old the skills of a database are, so that a database that is empty or old is not taken for "no match". */
export interface Freshness {
  /** Whether there is no skill at all. */
  isEmpty: boolean
  /**
   * When the last whole listing of the registry ended or, where another program has synced, when its last sync began; `null` if
   * there was none.
   */
  listedAt: string | null
  /** How long ago that was, in milliseconds; `null` if it is not known. */
  ageMs: number | null
  /** Whether that is longer ago than the time between two automatic syncs, or never was. */
  isStale: boolean
  /** Whether that listing could see every skill of the registry; `null` if that is not known. */
  coverage: 'complete' | 'best-effort' | null
  /** Whether it was a listing by a few search words, which finds a part of the skills only. */
  byWords: boolean
}

/** Which skills a search or a list may return. Each condition has to hold. */
export interface SkillFilter {
  /** Only skills in this category, by its id or its name; the letters A to Z in either case. */
  category?: string | undefined
  /** Only skills of this trust tier. Those without one are `unknown`. */
  trustTier?: string | undefined
  /** Only skills with at least this quality score, from 0 to 1. Default: all, including those without a score. */
  minScore?: number | undefined
  /** Only skills that have passed a security scan: not those without one, and not those in quarantine. Default: false. */
  safeOnly?: boolean | undefined
  /** Only skills from there: `registry`, or `local` for the user's own. */
  source?: string | undefined
}

/** Options of {@link SkillRepository.search}. */
export interface SkillSearchOptions extends SkillFilter {
  /** Most skills in the answer, from 1 to 1,000. Default: 20. */
  limit?: number | undefined
  /** How many of the best matches to leave out. Default: 0. */
  offset?: number | undefined
}

/** Options of {@link SkillRepository.list} and {@link SkillRepository.iterate}. */
export interface SkillListOptions extends SkillFilter {
  /** Most skills of a page, from 1 to 1,000. Default: 100. */
  limit?: number | undefined
  /** Begins behind this id, which need not exist: `next` of the page before. */
  after?: string | undefined
}

/** A skill that matches. */
export interface SkillMatch extends SkillRecord {
  /**
   * How well it matches by BM25, in which a word in the name weighs most: more is better. It compares the skills of one answer; 0
   * where no index was asked, or no word.
   */
  rank: number
  /** The part of its texts in which most words are found, on one line; `null` where no index was asked, or no word. */
  snippet: string | null
}

/** The answer to a search. */
export interface SkillSearchResults {
  /** The skills, the best match first. */
  matches: SkillMatch[]
  /** Whether more skills match than these. */
  hasMore: boolean
  /**
   * Whether the full-text index was asked. Without it, or where it is damaged, texts are compared letter by letter, so that "testing"
   * does not find "tests"; the best quality comes first then.
   */
  indexed: boolean
  /** How complete and how old the skills are. */
  freshness: Freshness
}

/** A page of a list. */
export interface SkillPage {
  /** The skills, in the order of their ids. */
  skills: SkillRecord[]
  /** The id behind which the next page begins; `null` for the last one. */
  next: string | null
  /** How complete and how old the skills are. */
  freshness: Freshness
}

/** A skill with what other tables have of it. */
export interface SkillDetails extends SkillRecord {
  /** The names of the categories that it is in, in their order. */
  categories: string[]
  /** Where it is from: `registry`, or `local` for the user's own. */
  source: string
}

/** Progress of a run. */
export interface SyncProgress {
  /**
   * Current phase. The phases first appear in this order. Fetching and upserting then alternate, because the run writes
   * each page when it arrives.
   */
  phase: 'connecting' | 'fetching' | 'comparing' | 'upserting' | 'complete'
  /** Number of rows read; while upserting, number of changed rows written. */
  current: number
  /** Number of rows of the listing, 0 if not known yet; while upserting, number of changed rows written so far. */
  total: number
  /** Number of skills compared so far. */
  skillsProcessed: number
  /** Number of skills added or updated so far; in a dry run, that would be added or updated. */
  skillsChanged: number
  /** Message for the user: the progress, or the reason why the run waits. */
  message?: string
}

/** Result of a run. Always added + updated + unchanged + rejected = processed. */
export interface SyncResult {
  /** Whether the run succeeded without errors. */
  success: boolean
  /** Number of skills added. */
  skillsAdded: number
  /** Number of skills updated. */
  skillsUpdated: number
  /** Number of skills that had not changed, or are the user's own. */
  skillsUnchanged: number
  /** Number of rows that could not be stored. `errors` names them. */
  skillsRejected: number
  /** Number of withdrawn skills that were removed. They are not among those processed. */
  skillsRemoved: number
  /** Number of different skills that the registry sent. */
  totalProcessed: number
  /** The cause of a failed run, and the first 20 rejected rows. */
  errors: string[]
  /** The code of the first of `errors`, where one is known. Missing after a success. */
  code?: SkillsmithErrorCode
  /** Whether the same sync may succeed later without a change. Missing where `code` is. */
  retryable?: boolean
  /** What the first of `errors` comes from, if that is the host: the `reason` of the signal, or what `onProgress` threw. */
  cause?: unknown
  /** Problems that did not cost any rows. */
  warnings: string[]
  /** Whether the run read the whole listing. `best-effort` means that it may have missed skills. */
  coverage: 'complete' | 'best-effort'
  /** Duration in milliseconds. */
  durationMs: number
  /** Number of requests sent to the registry, including retries and the check of its health. */
  requests: number
  /** Whether the run was a dry run, which writes nothing. */
  dryRun: boolean
}

/** Options of a sync. */
export interface SyncOptions {
  /** Whether to compare the content of every row instead of its timestamp. Default: false. */
  force?: boolean | undefined
  /** Whether to only count the changes and write nothing; what the database would refuse is counted too. Default: false. */
  dryRun?: boolean | undefined
  /**
   * Whether to read a whole listing, and to remove the skills that neither it nor the whole listing before has. The user's own
   * skills always stay. Nothing is removed after a listing that was read in several runs or leaves anything in doubt, in a
   * database that several registries have filled or whose skills have no `source`, or if it would be more than a tenth of the
   * table, unless `force` is set; `errors` and `warnings` then say why. Where another engine has synced the file since, it takes
   * two such listings again. Default: false.
   */
  prune?: boolean | undefined
  /** Rows per page, from 1 to 10,000. The registry may send fewer. Default: 100. */
  pageSize?: number | undefined
  /** Longest duration of the run in milliseconds. The next run continues where this one stopped. Default: 30 minutes. */
  deadlineMs?: number | undefined
  /**
   * Which listings of the registry may be used: `auto`, its sync endpoint or, if it has none, its search; `search`, only its
   * search. Default: `SKILLSMITH_LISTING`, else `auto`.
   */
  listing?: 'auto' | 'search' | undefined
  /**
   * How long runs ask the sync endpoint only for changes, in milliseconds, before one lists everything again, which finds what
   * changed without a new timestamp; 0 for every run. For as long, a page of the search is requested with a condition (its ETag or
   * Last-Modified), and not sent while it is unchanged. Default: 30 days.
   */
  fullListingEveryMs?: number | undefined
  /** The most requests of this run. If it reaches them, it ends as partial, and the next run continues from there. Default: no bound. */
  requestBudget?: number | undefined
  /**
   * The most requests of all runs of the database in a calendar month (UTC). Default: that of
   * {@link SyncConfigRepository.setRequestBudget}, else no bound.
   */
  monthlyRequestBudget?: number | undefined
  /**
   * Called with the progress of the run, in order, about 60 times a second at most, and never after the promise has settled.
   * If it throws or rejects, the run fails with that error.
   */
  onProgress?: ((progress: SyncProgress) => void | Promise<void>) | undefined
  /** Cancels the run. The rows that it has written stay. */
  signal?: AbortSignal | undefined
}

/** Current status of an engine. */
export interface EngineStatus {
  /** The configuration. */
  config: SyncConfig
  /** The last successful run; `null` if there is none. */
  lastRun: SyncHistoryEntry | null
  /** Whether a sync is running, in this process or another. */
  isRunning: boolean
  /** Number of requests that the runs of this calendar month (UTC) have sent, without dry runs. */
  requestsThisMonth: number
  /** The most requests in a calendar month, as set in the configuration; `null` if there is no bound. */
  requestBudget: number | null
  /** Whether automatic syncing is on and the next sync is due. */
  isDue: boolean
  /**
   * Until when no automatic sync starts, due or not, because a run failed or the registry asked for a pause, as ISO time; `null`
   * if there is no pause. `sync()` and `manualSync()` do not wait. The week after `PLAN_REQUIRED` is not told here: it holds for
   * one credential only.
   */
  pausedUntil: string | null
}

/** Health of a registry. */
export interface HealthStatus {
  /** Status that the registry reports. */
  status: 'healthy' | 'degraded' | 'unhealthy'
  /** When the client requested it. */
  timestamp: string
  /** Version of the registry; `unknown` if it does not report one. */
  version: string
}

/** Options of a search: filters, and the page of the result. */
export interface SearchOptions {
  /** A search word. */
  query?: string | undefined
  /** Only skills of this trust tier. */
  trustTier?: string | undefined
  /** Only skills of this category. */
  category?: string | undefined
  /** Only skills with at least this quality score, on the scale of the registry. */
  minQualityScore?: number | undefined
  /** Number of rows. Default: 100, which is also the maximum of the live registry. */
  limit?: number | undefined
  /** Number of rows to skip. Default: 0. */
  offset?: number | undefined
}

/** Options of a single request. */
export interface RequestOptions {
  /** Cancels the request. */
  signal?: AbortSignal | undefined
}

/** Which page of the sync endpoint a host's registry returns. */
export interface SyncListingOptions {
  /** Only rows whose `updated_at` is later than this (ISO 8601); all rows if it is missing. */
  since?: string
  /** Number of rows. The page may have fewer. */
  limit: number
  /** Number of rows to skip. */
  offset: number
}

/** A page as the registry sent it, with the registry's field names. */
export interface SearchResponse {
  /** The rows. */
  data: ApiSkill[]
  /** Data about the page: `total`, `limit`, `offset`. Their meaning differs between versions of the registry. */
  meta?: Record<string, unknown>
}

/** A row as the registry sent it. Only these two fields are always present, and unknown fields may appear. */
export interface ApiSkill {
  /** Id of the skill. */
  id: string
  /** Name of the skill. */
  name: string
  [field: string]: unknown
}
