/** How a {@link Database} is opened. */
export interface DatabaseOptions {
	/** Never write anything into the file; it must exist. Default: false. */
	readonly?: boolean;
}
/**
 * An open skill database, with a SQLite of this library's own.
 *
 * Another SQLite of the process, such as better-sqlite3, may have the same file open: neither harms the other.
 */
export declare class Database {
	#private;
	/**
	 * Opens a database; blocks on the disk. A missing file is created complete, an existing one of any version used as it is.
	 *
	 * @param path The file, or `:memory:`. Default: `SKILLSMITH_DB_PATH`, else `~/.skillsmith/skills.db`.
	 * @throws {@link SkillsmithSyncError} where the file is no database, damaged, some other program's, or not permitted; it is then left as it is.
	 */
	constructor(path?: string, options?: DatabaseOptions);
	/** The absolute path, or `:memory:`. */
	get name(): string;
	/** Whether it is in memory only. */
	get memory(): boolean;
	/** Whether it was opened read-only. */
	get readonly(): boolean;
	/** Whether it has not been closed yet. */
	get open(): boolean;
	/** Closes it; a sync that is under way ends normally. Later calls that need it fail with `DATABASE_CLOSED`. Closing twice is fine. */
	close(): void;
}
/**
 * A database: one of this library, a path, or any object whose `name` is the path, such as a connection of better-sqlite3.
 */
export type DatabaseLike = Database | string | {
	readonly name: string;
};
declare const CODES: {
	/** 101: an argument cannot be used. */
	readonly INVALID_ARGUMENT: false;
	/** 102: no run of that id. */
	readonly RUN_NOT_FOUND: false;
	/** 103: another sync of this database is under way. */
	readonly SYNC_IN_PROGRESS: true;
	/** 104: stopped on request. */
	readonly CANCELLED: true;
	/** 105: the database was closed. */
	readonly DATABASE_CLOSED: false;
	/** 106: the database was opened by the parent process. */
	readonly OPENED_BEFORE_FORK: false;
	/** 107: a callback or registry of the host failed. */
	readonly HOST_ERROR: true;
	/** 108: a pointer is missing; C only. */
	readonly NULL_ARGUMENT: false;
	/** 109: a handle was freed already; C only. */
	readonly INVALID_HANDLE: false;
	/** 201: offline mode is on. */
	readonly OFFLINE: false;
	/** 202: the registry is unhealthy. */
	readonly API_UNHEALTHY: true;
	/** 203: no connection, or a cut one. */
	readonly NETWORK_UNREACHABLE: true;
	/** 204: a network deadline ran out. */
	readonly NETWORK_TIMEOUT: true;
	/** 205: too many requests. */
	readonly RATE_LIMITED: true;
	/** 206: the monthly quota is used up. */
	readonly QUOTA_EXCEEDED: false;
	/** 207: a key is missing or wrong. */
	readonly UNAUTHORIZED: false;
	/** 208: the key does not allow it. */
	readonly FORBIDDEN: false;
	/** 209: the registry fails (5xx). */
	readonly SERVER_ERROR: true;
	/** 210: the run's deadline. */
	readonly RUN_DEADLINE: true;
	/** 211: the plan does not include it. */
	readonly PLAN_REQUIRED: false;
	/** 301: SQLite failed. */
	readonly DATABASE_ERROR: false;
	/** 302: another connection kept the write lock for too long. */
	readonly DATABASE_BUSY: true;
	/** 303: no SQLite file. */
	readonly NOT_A_DATABASE: false;
	/** 304: a damaged SQLite file. */
	readonly DATABASE_DAMAGED: false;
	/** 305: some other program's database. */
	readonly NOT_SKILLSMITH: false;
	/** 306: the operating system refuses. */
	readonly PERMISSION_DENIED: false;
	/** 307: opened read-only. */
	readonly READ_ONLY: false;
	/** 308: no space left. */
	readonly DISK_FULL: true;
	/** 309: another failure of the file system. */
	readonly IO_ERROR: false;
	/** 310: another SQLite of this process has the file open, and the system cannot keep the two apart. */
	readonly DATABASE_IN_USE: true;
	/** 311: the file was replaced, moved or deleted by another program while it was in use. */
	readonly DATABASE_REPLACED: true;
	/** 312: too many files are open, in this process or in the system. */
	readonly TOO_MANY_FILES: true;
	/** 401: an answer of the registry that cannot be understood. */
	readonly PROTOCOL_ERROR: true;
	/** 402: a request that the registry refuses. */
	readonly REQUEST_REFUSED: false;
	/** 403: a redirect that is not followed. */
	readonly REDIRECT_REFUSED: false;
	/** 404: an answer over the size bound. */
	readonly RESPONSE_TOO_LARGE: false;
	/** 901: a bug of this library. */
	readonly INTERNAL: false;
	/** 902: no memory to go on with. */
	readonly OUT_OF_MEMORY: true;
};
/** The codes of {@link SkillsmithSyncError}. They are never renamed. */
export type SkillsmithErrorCode = keyof typeof CODES;
/** What this library throws and rejects with, but for arguments of a wrong type (`TypeError`) or out of range (`RangeError`). */
export declare class SkillsmithSyncError extends Error {
	readonly name = "SkillsmithSyncError";
	/** What went wrong, for programs. */
	readonly code: SkillsmithErrorCode;
	/** Whether the same call may succeed later without any change by the caller. */
	readonly retryable: boolean;
	constructor(message: string, code: SkillsmithErrorCode, options?: {
		cause?: unknown;
	});
}
/** How often a sync becomes due. */
export type SyncFrequency = "daily" | "weekly";
/** The configuration of a database. Times are ISO 8601 text. */
export interface SyncConfig {
	/** Always `default`. */
	id: string;
	/** Whether background services sync by themselves. */
	enabled: boolean;
	/** How often. */
	frequency: SyncFrequency;
	/** Milliseconds between two syncs. */
	intervalMs: number;
	/** When the last complete sync started; `null` before the first. */
	lastSyncAt: string | null;
	/** When the next one is due; `null`: at once. */
	nextSyncAt: string | null;
	/** Skills added and updated by the last complete sync. */
	lastSyncCount: number;
	/** Why the last sync failed; `null` if it did not. */
	lastSyncError: string | null;
	/** When the row was made, as SQLite wrote it (UTC). */
	createdAt: string;
	/** When it was last changed, likewise. */
	updatedAt: string;
}
/** What {@link SyncConfigRepository.updateConfig} changes; what is left out stays. */
export interface SyncConfigUpdate {
	/** Switch automatic syncing on or off. */
	enabled?: boolean;
	/** Change how often; the next sync moves accordingly. */
	frequency?: SyncFrequency;
}
/** How a run stands or ended. */
export type SyncStatus = "running" | "success" | "failed" | "partial";
/** One run of the history. Times are ISO 8601 text. */
export interface SyncHistoryEntry {
	/** `sync-YYYYMMDDHHMMSS-` and six random characters. */
	id: string;
	/** When the run started. */
	startedAt: string;
	/** When it ended; `null` while it runs. */
	completedAt: string | null;
	/** How it stands or ended. */
	status: SyncStatus;
	/** Skills that were new here. */
	skillsAdded: number;
	/** Skills that were changed. */
	skillsUpdated: number;
	/** Skills that stood here already. */
	skillsUnchanged: number;
	/** What went wrong, if anything did. */
	errorMessage: string | null;
	/** How long it took, in milliseconds; `null` while it runs. */
	durationMs: number | null;
	/** When the entry was made, as SQLite wrote it (UTC). */
	createdAt: string;
}
/** What a run did, for its entry. */
export interface SyncRunResult {
	/** Skills that were new here. */
	skillsAdded: number;
	/** Skills that were changed. */
	skillsUpdated: number;
	/** Skills that stood here already. */
	skillsUnchanged: number;
}
/** Figures over the whole history. */
export interface SyncStats {
	/** Entries in all. */
	totalRuns: number;
	/** Those that succeeded. */
	successfulRuns: number;
	/** Those that failed. */
	failedRuns: number;
	/** When the last one succeeded. */
	lastSuccessAt: string | null;
	/** Mean duration of the successful ones in milliseconds; `null` without one. */
	averageDurationMs: number | null;
}
/** A skill as it stands in the database. */
export interface SkillRecord {
	/** The registry's id. */
	id: string;
	/** The name. */
	name: string;
	/** What it does. */
	description: string | null;
	/** Who wrote it. */
	author: string | null;
	/** Where it lives. */
	repoUrl: string | null;
	/** From 0 to 1. */
	qualityScore: number | null;
	/** How far it is trusted: `official`, `verified`, `curated`, `community`, `unverified`, `experimental`, `unknown`, `local`, or a tier to come. */
	trustTier: string;
	/** Its tags. */
	tags: string[];
	/** Whether it can be installed. */
	installable: boolean;
	/** The host's own security scan, from 0 to 100; `null` before it. */
	riskScore: number | null;
	/** Findings of that scan. */
	securityFindingsCount: number;
	/** When it was made. */
	securityScannedAt: string | null;
	/** Whether it passed. */
	securityPassed: boolean | null;
	/** When the skill was made, by the registry's stamp. */
	createdAt: string | null;
	/** When it was last changed, likewise. */
	updatedAt: string | null;
}
/** How a run gets on. */
export interface SyncProgress {
	/**
	 * What it is doing. The phases appear first in this order; fetching and upserting then alternate, since pages are
	 * written as they come.
	 */
	phase: "connecting" | "fetching" | "comparing" | "upserting" | "complete";
	/** Rows of the listing read, or changed rows written while upserting. */
	current: number;
	/** Rows of the listing, or changed rows found so far; 0 while unknown. */
	total: number;
	/** Skills looked at so far. */
	skillsProcessed: number;
	/** Skills found to be new or changed so far. */
	skillsChanged: number;
	/** The same in words, or why the run waits. */
	message?: string;
}
/** What a run did. Always added + updated + unchanged + rejected = processed. */
export interface SyncResult {
	/** Whether everything went well. */
	success: boolean;
	/** Skills that were new here. */
	skillsAdded: number;
	/** Skills that were changed. */
	skillsUpdated: number;
	/** Skills that stood here already, or are the user's own. */
	skillsUnchanged: number;
	/** Rows that could not be stored; `errors` names them. */
	skillsRejected: number;
	/** Different skills that the registry served. */
	totalProcessed: number;
	/** What went wrong: the cause of a failed run, and the first 20 rejected rows. */
	errors: string[];
	/** What the user may want to know of, though nothing is lost. */
	warnings: string[];
	/** Whether the registry was listed whole, or could only be searched by words. */
	coverage: "complete" | "best-effort";
	/** How long it took, in milliseconds. */
	durationMs: number;
	/** Whether nothing was written. */
	dryRun: boolean;
}
/** How a sync is to be done. */
export interface SyncOptions {
	/** Compare the content of every row instead of its stamp. Default: false. */
	force?: boolean;
	/** Only count what would be done. Default: false. */
	dryRun?: boolean;
	/** Rows per page, from 1 to 10,000; the registry may give fewer. Default: 100. */
	pageSize?: number;
	/** The longest that the run may take, in milliseconds; what it did not reach is left to the next. Default: 30 minutes. */
	deadlineMs?: number;
	/**
	 * Told how the run gets on, about 60 times a second at most, in order, and never after the promise has settled.
	 * If it throws, the run ends with that error.
	 */
	onProgress?: (progress: SyncProgress) => void;
	/** Stops the run; what it wrote is kept. */
	signal?: AbortSignal;
}
/** How things stand. */
export interface EngineStatus {
	/** The configuration. */
	config: SyncConfig;
	/** The last successful run. */
	lastRun: SyncHistoryEntry | null;
	/** Whether a sync is under way, in this process or another. */
	isRunning: boolean;
	/** Whether automatic syncing is on and the next sync is due. */
	isDue: boolean;
}
/** What a registry says of itself. */
export interface HealthStatus {
	/** Whether it serves. */
	status: "healthy" | "degraded" | "unhealthy";
	/** When it was asked. */
	timestamp: string;
	/** Its version; `unknown` where it does not say. */
	version: string;
}
/** A page of the registry's listing. */
export interface SearchOptions {
	/** A search word. */
	query?: string;
	/** Only skills of this tier. */
	trustTier?: string;
	/** Only skills of this category. */
	category?: string;
	/** Only skills with at least this quality score, in the measure of the registry. */
	minQualityScore?: number;
	/** Rows wanted. Default: 100, which is also what the live registry gives at most. */
	limit?: number;
	/** Rows to pass over. Default: 0. */
	offset?: number;
}
/** A page as the registry served it: fields in its own spelling. */
export interface SearchResponse {
	/** The rows. */
	data: ApiSkill[];
	/** What the registry says of the page: `total`, `limit`, `offset`, with meanings that differ between its versions. */
	meta?: Record<string, unknown>;
}
/** A row as the registry served it. Any field but these may be missing, and unknown ones may appear. */
export interface ApiSkill {
	/** The skill's id. */
	id: string;
	/** Its name. */
	name: string;
	[field: string]: unknown;
}
/** Options of a {@link SkillsmithApiClient}. What is left out comes from the environment, then from `~/.skillsmith/config.json`. */
export interface ApiClientConfig {
	/** The registry's address. Else `SKILLSMITH_API_URL`, `SUPABASE_URL` + `/functions/v1`, `apiBaseUrl`, or the live service. */
	baseUrl?: string;
	/** The anonymous key. Else `SUPABASE_ANON_KEY`. */
	anonKey?: string;
	/** The API key. Else `SKILLSMITH_API_KEY`, or `apiKey`. */
	apiKey?: string;
	/** A token of a signed-in user; goes before the API key. */
	jwtToken?: string;
	/** The longest wait for the headers of an answer, and again for its body, in milliseconds. Default: 30,000. */
	timeout?: number;
	/** Tries after the first one. Default: 3. */
	maxRetries?: number;
	/** Send nothing. Else `SKILLSMITH_OFFLINE_MODE`. */
	offlineMode?: boolean;
	/** Accepted for the sake of the TypeScript stack; the client logs nothing. */
	debug?: boolean;
}
/** Asks the registry. Its calls run on threads of their own, and retry what may heal. */
export declare class SkillsmithApiClient {
	#private;
	/** @throws {@link SkillsmithSyncError} where the address, a key or the proxy cannot be used. */
	constructor(config?: ApiClientConfig);
	/** The registry's address. */
	get baseUrl(): string;
	/** Whether nothing is sent. */
	isOffline(): boolean;
	/** Asks how the registry is, within 5 s; one that cannot be reached is `unhealthy`. Offline it is not asked. */
	checkHealth(): Promise<HealthStatus>;
	/** Fetches one page of the listing. */
	search(options?: SearchOptions): Promise<SearchResponse>;
}
/** Makes a client. */
export declare function createApiClient(config?: ApiClientConfig): SkillsmithApiClient;
/** A registry that the host supplies. Its methods may return promises; their retries are their own. */
export interface HostRegistry {
	/** Whether nothing may be sent: every sync then fails, and a background service begins none. */
	isOffline(): boolean | Promise<boolean>;
	/** How it is; the sync does not begin where it is `unhealthy`. */
	checkHealth(): {
		status: string;
	} | Promise<{
		status: string;
	}>;
	/** One page, `{ data: […], meta?: { total, limit } }`. An error with a `statusCode` or `status` means what it means over HTTP. */
	search(options: SearchOptions): unknown;
}
/** Our client, the TypeScript stack's (known by its `baseUrl`, and read anew for each run), or a registry of the host's. */
export type ApiClientLike = SkillsmithApiClient | HostRegistry;
/** Milliseconds between two syncs of each frequency. */
export declare const FREQUENCY_INTERVALS: {
	readonly daily: 86400000;
	readonly weekly: 604800000;
};
/**
 * Reads and changes the configuration. Every call is short and blocks on the disk only; a writing one waits at most 100 ms
 * for another writer, then fails with `DATABASE_BUSY`.
 */
export declare class SyncConfigRepository {
	#private;
	/** @param db A {@link Database}, a path, or any object whose `name` is the path. */
	constructor(db: DatabaseLike);
	/** The configuration as it stands. */
	getConfig(): SyncConfig;
	/** Changes what `update` names, and returns the result. */
	updateConfig(update: SyncConfigUpdate): SyncConfig;
	/** Records a complete sync that started at `timestamp` (ISO 8601) and changed `count` skills; sets when the next is due. */
	setLastSync(timestamp: string, count: number): void;
	/** Records why the last sync failed. */
	setLastSyncError(error: string): void;
	/** Forgets why the last sync failed. */
	clearError(): void;
	/** The time `intervalMs` milliseconds after `lastSyncAt`, as ISO 8601 text. */
	calculateNextSync(lastSyncAt: string, intervalMs: number): string;
	/** Whether automatic syncing is on and the next sync is due. */
	isSyncDue(): boolean;
	/** Switches automatic syncing on. */
	enable(): SyncConfig;
	/** Switches automatic syncing off. A sync by hand still works. */
	disable(): SyncConfig;
	/** Changes how often; the next sync moves accordingly. */
	setFrequency(frequency: SyncFrequency): SyncConfig;
}
/** Reads and writes the history of runs. Every call is short, as in {@link SyncConfigRepository}. */
export declare class SyncHistoryRepository {
	#private;
	/** @param db A {@link Database}, a path, or any object whose `name` is the path. */
	constructor(db: DatabaseLike);
	/** Makes an entry for a run that starts now, and returns its id. */
	startRun(): string;
	/** Marks a run as successful. */
	completeRun(id: string, result: SyncRunResult): void;
	/** Marks a run as successful in part. */
	completeRunPartial(id: string, result: SyncRunResult, errorMessage: string): void;
	/** Marks a run as failed. */
	failRun(id: string, error: string): void;
	/** One entry, or `null`. */
	getById(id: string): SyncHistoryEntry | null;
	/** The newest entries first, at most `limit` of them. */
	getHistory(limit?: number): SyncHistoryEntry[];
	/** The newest successful entry, or `null`. */
	getLastSuccessful(): SyncHistoryEntry | null;
	/** The entries that are marked as running, newest first; one whose run has died is marked as failed before. */
	getRunning(): SyncHistoryEntry[];
	/** Whether an entry is marked as running, after the same check. */
	isRunning(): boolean;
	/** Deletes the entries that started more than `daysToKeep` days ago. Returns how many. */
	cleanup(daysToKeep?: number): number;
	/** How many entries there are. */
	count(): number;
	/** Figures over the whole history. */
	getStats(): SyncStats;
}
/** Looks skills up. Every call is short and blocks on the disk only. */
export declare class SkillRepository {
	#private;
	/** @param db A {@link Database}, a path, or any object whose `name` is the path. */
	constructor(db: DatabaseLike);
	/** The skill of that id, or `null`. */
	findById(id: string): SkillRecord | null;
	/** Whether there is a skill of that id. */
	exists(id: string): boolean;
	/** How many skills there are, the user's own included. */
	count(): number;
}
/** What a {@link SyncEngine} is made of. */
export interface SyncEngineOptions {
	/** The database. Default: `SKILLSMITH_DB_PATH`, else `~/.skillsmith/skills.db`. */
	db?: DatabaseLike;
	/** The registry. Default: a {@link SkillsmithApiClient} with everything from the environment. */
	apiClient?: ApiClientLike;
}
/** A repository of this library, or of the TypeScript stack, whose `db` names the database. */
export type RepositoryLike = SkillRepository | SyncConfigRepository | SyncHistoryRepository | object;
/**
 * Brings a database up to date with a registry.
 *
 * Syncs run on a thread of their own. One at a time runs on a database, across all engines and processes.
 */
export declare class SyncEngine {
	#private;
	constructor(options?: SyncEngineOptions);
	/** As the TypeScript stack does it; the three repositories must be of one database. Further arguments are ignored. */
	constructor(apiClient: ApiClientLike, skillRepo: RepositoryLike, configRepo: RepositoryLike, historyRepo: RepositoryLike, ...ignored: unknown[]);
	/**
	 * Syncs. What goes wrong in a run is in the result and in the history: it then resolves with `success: false`, and `errors`
	 * begins with the cause. Whatever was written stays, and the next run goes on where this one ended. The process stays
	 * alive until it has settled.
	 *
	 * @throws `TypeError` or `RangeError` for options that cannot be used, {@link SkillsmithSyncError} for a closed database; nothing was done then.
	 */
	sync(options?: SyncOptions): Promise<SyncResult>;
	/** How things stand. Short; blocks on the disk only. */
	getStatus(): EngineStatus;
}
/** How a {@link BackgroundSyncService} works. */
export interface BackgroundSyncOptions {
	/** Milliseconds between two checks. Default: 60,000. */
	checkIntervalMs?: number;
	/** Whether it checks at once when started. Default: true. */
	syncOnStart?: boolean;
	/** Told of every sync that has ended, whatever its result. What it throws, or its promise rejects with, `onSyncError` is told. */
	onSyncComplete?: (result: SyncResult) => void;
	/** Told why a sync was not a success. Default: one line on stderr. */
	onSyncError?: (error: Error) => void;
	/** Tell on stderr what it does. Default: false. */
	debug?: boolean;
}
/** How a service stands. */
export interface BackgroundSyncState {
	/** Whether it was started and not stopped since. */
	isStarted: boolean;
	/** Whether a sync of its own is under way. */
	isRunning: boolean;
	/** What the last sync did. */
	lastResult: SyncResult | null;
	/** Why the last sync or check failed; `null` if it did not. */
	lastError: Error | null;
	/** Checks made by the timer. */
	checksPerformed: number;
	/** Syncs begun, those by hand included. */
	syncsTriggered: number;
}
/** Whatever syncs: a {@link SyncEngine}, or an object of the host's. */
export type EngineLike = SyncEngine | {
	sync(options?: SyncOptions): Promise<HostResult> | HostResult;
};
/** What an engine of the host's returns: that of the TypeScript stack lacks three of our fields. */
export type HostResult = Omit<SyncResult, OursOnly> & Partial<Pick<SyncResult, OursOnly>>;
type OursOnly = "skillsRejected" | "warnings" | "coverage";
/**
 * Whatever knows the schedule: a {@link SyncConfigRepository}, or an object of the host's. Beside a {@link SyncEngine} it
 * can only put a sync off: the engine's own database has to find it due as well, and no longer be patient after a failure.
 */
export type ScheduleLike = SyncConfigRepository | {
	getConfig(): SyncConfig;
	isSyncDue(): boolean;
};
/**
 * Syncs while it is started: when enabled and due, and with patience after a failure.
 *
 * It lives on the host's timers and never keeps the process alive.
 */
export declare class BackgroundSyncService {
	#private;
	constructor(engine: EngineLike, configRepo: ScheduleLike, options?: BackgroundSyncOptions);
	/** Starts checking, and syncs at once where that is due; does nothing where automatic syncing is disabled. Starting twice is fine. */
	start(): void;
	/**
	 * Stops checking, and the sync that is under way. Resolves once that has settled, within about 200 ms; an engine of the
	 * host's that does not settle is left alone after 400 ms. Stopping twice is fine.
	 */
	stop(): Promise<void>;
	/**
	 * Syncs now, due or not, and keeps the process alive meanwhile.
	 *
	 * @throws {@link SkillsmithSyncError} with `SYNC_IN_PROGRESS` while a sync of this service is under way.
	 */
	manualSync(): Promise<SyncResult>;
	/** How things stand. */
	getState(): BackgroundSyncState;
	/** Whether a sync of this service is under way. */
	isSyncRunning(): boolean;
	/** Whether it was started and not stopped since. */
	isServiceStarted(): boolean;
}
/** Makes a service and starts it. */
export declare function createBackgroundSyncService(engine: EngineLike, configRepo: ScheduleLike, options?: BackgroundSyncOptions): BackgroundSyncService;
/** What {@link startBackgroundSync} works with. */
export interface StartBackgroundSyncOptions extends BackgroundSyncOptions {
	/** The database. Default: `SKILLSMITH_DB_PATH`, else `~/.skillsmith/skills.db`. */
	db?: DatabaseLike;
	/** The registry. Default: a {@link SkillsmithApiClient} with everything from the environment. */
	apiClient?: ApiClientLike;
}
/** What {@link startBackgroundSync} has made. */
export interface BackgroundSync {
	/** Syncs by hand, and tells how things stand. */
	engine: SyncEngine;
	/** The configuration. */
	configRepo: SyncConfigRepository;
	/** The history. */
	historyRepo: SyncHistoryRepository;
	/** The service; not started where background syncing is switched off. */
	service: BackgroundSyncService;
	/** Stops the service and lets go of the signals. Resolves once a sync under way has settled. */
	stop(): Promise<void>;
}
/**
 * All that an MCP server has to call at its start.
 *
 * Starts a service where `SKILLSMITH_BACKGROUND_SYNC` is not `false`, `SKILLSMITH_OFFLINE_MODE` is not `true`, and automatic
 * syncing is enabled in the configuration. On SIGTERM and SIGINT it stops the service; a host without a handler of its own
 * then ends by that signal as ever.
 */
export declare function startBackgroundSync(options?: StartBackgroundSyncOptions): BackgroundSync;
/** The version of this package and of its addon. */
export declare const version: string;

export {};
