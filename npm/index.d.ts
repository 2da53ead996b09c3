declare const CODES: {
	/** 101: an argument is invalid. */
	readonly INVALID_ARGUMENT: false;
	/** 102: no run has this id. */
	readonly RUN_NOT_FOUND: false;
	/** 103: another sync of this database is running. */
	readonly SYNC_IN_PROGRESS: true;
	/** 104: the caller cancelled the sync. */
	readonly CANCELLED: true;
	/** 105: the database is closed. */
	readonly DATABASE_CLOSED: false;
	/** 106: the database was opened by the parent process. */
	readonly OPENED_BEFORE_FORK: false;
	/** 107: a callback or registry of the host failed. */
	readonly HOST_ERROR: true;
	/** 108: a pointer is NULL; C only. */
	readonly NULL_ARGUMENT: false;
	/** 109: a handle is invalid or was freed; C only. */
	readonly INVALID_HANDLE: false;
	/** 201: offline mode is on. */
	readonly OFFLINE: false;
	/** 202: the registry is unhealthy. */
	readonly API_UNHEALTHY: true;
	/** 203: the connection failed or broke off. */
	readonly NETWORK_UNREACHABLE: true;
	/** 204: a request timed out. */
	readonly NETWORK_TIMEOUT: true;
	/** 205: the registry limits the rate of requests. */
	readonly RATE_LIMITED: true;
	/** 206: the monthly quota is used up. */
	readonly QUOTA_EXCEEDED: false;
	/** 207: a key is missing or wrong. */
	readonly UNAUTHORIZED: false;
	/** 208: the key does not give access. */
	readonly FORBIDDEN: false;
	/** 209: the registry failed (HTTP 408 or 5xx). */
	readonly SERVER_ERROR: true;
	/** 210: the run reached its deadline. */
	readonly RUN_DEADLINE: true;
	/** 211: the plan does not give access. */
	readonly PLAN_REQUIRED: false;
	/** 212: the sign-in has expired. */
	readonly SIGN_IN_EXPIRED: false;
	/** 301: another error of SQLite. */
	readonly DATABASE_ERROR: false;
	/** 302: another connection holds the write lock. */
	readonly DATABASE_BUSY: true;
	/** 303: the file is not a SQLite database. */
	readonly NOT_A_DATABASE: false;
	/** 304: the file is damaged. */
	readonly DATABASE_DAMAGED: false;
	/** 305: the database belongs to another program. */
	readonly NOT_SKILLSMITH: false;
	/** 306: the operating system denies access to the file. */
	readonly PERMISSION_DENIED: false;
	/** 307: the database is read-only. */
	readonly READ_ONLY: false;
	/** 308: the disk is full. */
	readonly DISK_FULL: true;
	/** 309: another error of the file system. */
	readonly IO_ERROR: false;
	/** 310: another copy of SQLite in this process has the file open, and this system cannot separate the two. */
	readonly DATABASE_IN_USE: true;
	/** 311: another program replaced, moved or deleted the file while it was open. */
	readonly DATABASE_REPLACED: true;
	/** 312: too many files are open in this process or system. */
	readonly TOO_MANY_FILES: true;
	/** 401: the registry sent an invalid response. */
	readonly PROTOCOL_ERROR: true;
	/** 402: the registry refused the request. */
	readonly REQUEST_REFUSED: false;
	/** 403: the registry sent a redirect to another address. */
	readonly REDIRECT_REFUSED: false;
	/** 404: the response is too large. */
	readonly RESPONSE_TOO_LARGE: false;
	/** 901: a bug in this library. */
	readonly INTERNAL: false;
	/** 902: out of memory. */
	readonly OUT_OF_MEMORY: true;
};
/** The codes of {@link SkillsmithSyncError}. They do not change between versions. */
export type SkillsmithErrorCode = keyof typeof CODES;
/** The error of this library. Arguments of a wrong type throw a `TypeError` instead, and arguments out of range a `RangeError`. */
export declare class SkillsmithSyncError extends Error {
	readonly name = "SkillsmithSyncError";
	/** The error code. */
	readonly code: SkillsmithErrorCode;
	/** Whether the same call may succeed later without a change. */
	readonly retryable: boolean;
	/**
	 * What led to it, where that is known: an error with `code` and `errno` of the system, with the HTTP `status`, or with the
	 * `sqliteCode`; the `reason` of the signal that cancelled a request; or what a callback threw.
	 */
	readonly cause?: unknown;
	constructor(message: string, code: SkillsmithErrorCode, options?: {
		cause?: unknown;
	});
}
/** Options of a {@link Database}. */
export interface DatabaseOptions {
	/** Whether to open the file read-only. The file must exist then. Default: false. */
	readonly?: boolean | undefined;
}
/**
 * An open skill database.
 *
 * Uses its own copy of SQLite. Another copy in the same process, such as better-sqlite3, may safely have the same file open.
 */
export declare class Database {
	/**
	 * Opens a database. Blocks on the disk. Creates a missing file with the whole schema. Accepts a file of any schema version,
	 * and adds the tables for syncing if they are missing.
	 *
	 * @param path The file, or `:memory:`. Default: `SKILLSMITH_DB_PATH`, else `~/.skillsmith/skills.db`.
	 * @throws {@link SkillsmithSyncError} if the file is not a database, is damaged, belongs to another program, or cannot be
	 *   accessed. The file is not changed then.
	 */
	constructor(path?: string | URL, options?: DatabaseOptions);
	/** The absolute path, or `:memory:`. */
	get name(): string;
	/** Whether the database is in memory only. */
	get memory(): boolean;
	/** Whether the database was opened read-only. */
	get readonly(): boolean;
	/** Whether the database is open. */
	get open(): boolean;
	/**
	 * Closes the database. A running sync still ends normally. Later calls fail with `DATABASE_CLOSED`. Does nothing when
	 * already closed.
	 */
	close(): void;
	/** Closes it at the end of a block: {@link Database.close}, for `using`. Missing where the runtime has no `Symbol.dispose`. */
	readonly [Symbol.dispose]: () => void;
}
/**
 * A {@link Database}, a path (also as a `URL` of a file), or any object that has the path: as `name`, such as a connection of better-sqlite3, as `filename`
 * (`bun:sqlite`), or by `location()` (`node:sqlite` of Node 22.16 and newer; before that, pass `{ name }`).
 *
 * While such a connection is in a transaction (`inTransaction`, `isTransaction`) or has the file to itself
 * (`locking_mode = EXCLUSIVE`), calls of repositories run on it, and commit or roll back with it. Otherwise they have a connection of
 * their own, which stays open: a host that wants the file to itself sets that before its first call. An engine's `sync` has a
 * connection of its own in any case.
 *
 * A database of SQLite in WebAssembly, such as sql.js, or a wrapper around one is refused with a `TypeError`: it is a copy of
 * the file in memory, and its next save would undo what a sync has written.
 */
export type DatabaseLike = Database | string | URL | {
	readonly name: string;
} | {
	readonly filename: string;
} | {
	location(): string | null;
};
/** What a {@link TokenProvider} is asked. */
export interface TokenRequest {
	/** Whether the registry has refused the last token with 401, so that a fresh one is needed. */
	readonly refused: boolean;
}
/**
 * Returns the token of a signed-in user. Called on the thread of the client, before the first request and once for each
 * token that the registry has refused. An empty string means that there is none.
 *
 * The call that needs the token waits for a promise until it is cancelled or reaches its deadline, and ignores what the
 * promise settles with later. The message of an error is shown to the user, so it must not contain a credential.
 */
export type TokenProvider = (request: TokenRequest) => string | Promise<string>;
/** How often a sync becomes due. */
export type SyncFrequency = "daily" | "weekly";
/** Configuration of a database. Times are ISO 8601 strings. */
export interface SyncConfig {
	/** Always `default`. */
	id: string;
	/** Whether automatic syncing is enabled. */
	enabled: boolean;
	/** How often a sync becomes due. */
	frequency: SyncFrequency;
	/** Milliseconds between two syncs. */
	intervalMs: number;
	/** When the last complete sync started; `null` before the first. */
	lastSyncAt: string | null;
	/** When the next sync is due; `null` means that it is due now. */
	nextSyncAt: string | null;
	/** Number of skills that the last complete sync added or updated. */
	lastSyncCount: number;
	/** Error of the last sync; `null` if it succeeded. */
	lastSyncError: string | null;
	/** When the configuration was created, in the format of SQLite (UTC). */
	createdAt: string;
	/** When the configuration was last changed, in the format of SQLite (UTC). */
	updatedAt: string;
}
/** Changes for {@link SyncConfigRepository.updateConfig}. Missing settings stay as they are. */
export interface SyncConfigUpdate {
	/** Enables or disables automatic syncing. */
	enabled?: boolean;
	/** Changes the frequency and reschedules the next sync. */
	frequency?: SyncFrequency;
}
/** Status of a run. */
export type SyncStatus = "running" | "success" | "failed" | "partial";
/** A run in the history. Times are ISO 8601 strings. */
export interface SyncHistoryEntry {
	/** Id of the run: `sync-YYYYMMDDHHMMSS-` and six random characters. */
	id: string;
	/** When the run started. */
	startedAt: string;
	/** When the run ended; `null` while it is running. */
	completedAt: string | null;
	/** Status of the run. */
	status: SyncStatus;
	/** Number of skills added. */
	skillsAdded: number;
	/** Number of skills updated. */
	skillsUpdated: number;
	/** Number of skills that had not changed. */
	skillsUnchanged: number;
	/** Error of the run, or `null`. */
	errorMessage: string | null;
	/** Duration in milliseconds; `null` while the run is running. */
	durationMs: number | null;
	/** When the entry was created, in the format of SQLite (UTC). */
	createdAt: string;
	/**
	 * The code of `errorMessage`, where it is known: of the newest hundred runs that this library ended with an error. Missing from
	 * every other entry.
	 */
	code?: SkillsmithErrorCode;
	/** Whether the same sync may succeed later without a change. Missing where `code` is. */
	retryable?: boolean;
}
/** Counters of a run, for its entry in the history. */
export interface SyncRunResult {
	/** Number of skills added. */
	skillsAdded: number;
	/** Number of skills updated. */
	skillsUpdated: number;
	/** Number of skills that had not changed. */
	skillsUnchanged: number;
}
/** Statistics of the whole history. */
export interface SyncStats {
	/** Number of entries. */
	totalRuns: number;
	/** Number of successful runs. */
	successfulRuns: number;
	/** Number of failed runs. */
	failedRuns: number;
	/** When the last successful run ended; `null` if there is none. */
	lastSuccessAt: string | null;
	/** Mean duration of successful runs in milliseconds; `null` if there are none. */
	averageDurationMs: number | null;
}
/** A skill in the database. */
export interface SkillRecord {
	/** Id of the skill in the registry. */
	id: string;
	/** Name of the skill. */
	name: string;
	/** Description of the skill. */
	description: string | null;
	/** Author of the skill. */
	author: string | null;
	/** URL of the repository. */
	repoUrl: string | null;
	/** Quality score from 0 to 1. */
	qualityScore: number | null;
	/** Trust tier: `official`, `verified`, `curated`, `community`, `unverified`, `experimental`, `unknown`, `local`, or a future tier. */
	trustTier: string;
	/** Tags of the skill. */
	tags: string[];
	/** Whether the skill can be installed. */
	installable: boolean;
	/** Risk score of the last security scan, the registry's or the host's, from 0 to 100; `null` before the scan. */
	riskScore: number | null;
	/** Number of findings of the security scan. */
	securityFindingsCount: number;
	/** When the security scan ran; `null` before the scan. */
	securityScannedAt: string | null;
	/** Whether the skill passed the security scan; `null` before the scan. */
	securityPassed: boolean | null;
	/** When the skill was created, according to the registry. */
	createdAt: string | null;
	/** When the skill was last changed, according to the registry. */
	updatedAt: string | null;
}
/** How complete and how old the skills of a database are, so that a database that is empty or old is not taken for "no match". */
export interface Freshness {
	/** Whether there is no skill at all. */
	isEmpty: boolean;
	/**
	 * When the last whole listing of the registry ended or, where another program has synced, when its last sync began; `null` if
	 * there was none.
	 */
	listedAt: string | null;
	/** How long ago that was, in milliseconds; `null` if it is not known. */
	ageMs: number | null;
	/** Whether that is longer ago than the time between two automatic syncs, or never was. */
	isStale: boolean;
	/** Whether that listing could see every skill of the registry; `null` if that is not known. */
	coverage: "complete" | "best-effort" | null;
	/** Whether it was a listing by a few search words, which finds a part of the skills only. */
	byWords: boolean;
}
/** Which skills a search or a list may return. Each condition has to hold. */
export interface SkillFilter {
	/** Only skills in this category, by its id or its name; the letters A to Z in either case. */
	category?: string | undefined;
	/** Only skills of this trust tier. Those without one are `unknown`. */
	trustTier?: string | undefined;
	/** Only skills with at least this quality score, from 0 to 1. Default: all, including those without a score. */
	minScore?: number | undefined;
	/** Only skills that have passed a security scan: not those without one, and not those in quarantine. Default: false. */
	safeOnly?: boolean | undefined;
	/** Only skills from there: `registry`, or `local` for the user's own. */
	source?: string | undefined;
}
/** Options of {@link SkillRepository.search}. */
export interface SkillSearchOptions extends SkillFilter {
	/** Most skills in the answer, from 1 to 1,000. Default: 20. */
	limit?: number | undefined;
	/** How many of the best matches to leave out. Default: 0. */
	offset?: number | undefined;
}
/** Options of {@link SkillRepository.list} and {@link SkillRepository.iterate}. */
export interface SkillListOptions extends SkillFilter {
	/** Most skills of a page, from 1 to 1,000. Default: 100. */
	limit?: number | undefined;
	/** Begins behind this id, which need not exist: `next` of the page before. */
	after?: string | undefined;
}
/** A skill that matches. */
export interface SkillMatch extends SkillRecord {
	/**
	 * How well it matches by BM25, in which a word in the name weighs most: more is better. It compares the skills of one answer; 0
	 * where no index was asked, or no word.
	 */
	rank: number;
	/** The part of its texts in which most words are found, on one line; `null` where no index was asked, or no word. */
	snippet: string | null;
}
/** The answer to a search. */
export interface SkillSearchResults {
	/** The skills, the best match first. */
	matches: SkillMatch[];
	/** Whether more skills match than these. */
	hasMore: boolean;
	/**
	 * Whether the full-text index was asked. Without it, or where it is damaged, texts are compared letter by letter, so that "testing"
	 * does not find "tests"; the best quality comes first then.
	 */
	indexed: boolean;
	/** How complete and how old the skills are. */
	freshness: Freshness;
}
/** A page of a list. */
export interface SkillPage {
	/** The skills, in the order of their ids. */
	skills: SkillRecord[];
	/** The id behind which the next page begins; `null` for the last one. */
	next: string | null;
	/** How complete and how old the skills are. */
	freshness: Freshness;
}
/** A skill with what other tables have of it. */
export interface SkillDetails extends SkillRecord {
	/** The names of the categories that it is in, in their order. */
	categories: string[];
	/** Where it is from: `registry`, or `local` for the user's own. */
	source: string;
}
/** Progress of a run. */
export interface SyncProgress {
	/**
	 * Current phase. The phases first appear in this order. Fetching and upserting then alternate, because the run writes
	 * each page when it arrives.
	 */
	phase: "connecting" | "fetching" | "comparing" | "upserting" | "complete";
	/** Number of rows read; while upserting, number of changed rows written. */
	current: number;
	/** Number of rows of the listing, 0 if not known yet; while upserting, number of changed rows written so far. */
	total: number;
	/** Number of skills compared so far. */
	skillsProcessed: number;
	/** Number of skills added or updated so far; in a dry run, that would be added or updated. */
	skillsChanged: number;
	/** Message for the user: the progress, or the reason why the run waits. */
	message?: string;
}
/** Result of a run. Always added + updated + unchanged + rejected = processed. */
export interface SyncResult {
	/** Whether the run succeeded without errors. */
	success: boolean;
	/** Number of skills added. */
	skillsAdded: number;
	/** Number of skills updated. */
	skillsUpdated: number;
	/** Number of skills that had not changed, or are the user's own. */
	skillsUnchanged: number;
	/** Number of rows that could not be stored. `errors` names them. */
	skillsRejected: number;
	/** Number of withdrawn skills that were removed. They are not among those processed. */
	skillsRemoved: number;
	/** Number of different skills that the registry sent. */
	totalProcessed: number;
	/** The cause of a failed run, and the first 20 rejected rows. */
	errors: string[];
	/** The code of the first of `errors`, where one is known. Missing after a success. */
	code?: SkillsmithErrorCode;
	/** Whether the same sync may succeed later without a change. Missing where `code` is. */
	retryable?: boolean;
	/** What the first of `errors` comes from, if that is the host: the `reason` of the signal, or what `onProgress` threw. */
	cause?: unknown;
	/** Problems that did not cost any rows. */
	warnings: string[];
	/** Whether the run read the whole listing. `best-effort` means that it may have missed skills. */
	coverage: "complete" | "best-effort";
	/** Duration in milliseconds. */
	durationMs: number;
	/** Number of requests sent to the registry, including retries and the check of its health. */
	requests: number;
	/** Whether the run was a dry run, which writes nothing. */
	dryRun: boolean;
}
/** Options of a sync. */
export interface SyncOptions {
	/** Whether to compare the content of every row instead of its timestamp. Default: false. */
	force?: boolean | undefined;
	/** Whether to only count the changes and write nothing; what the database would refuse is counted too. Default: false. */
	dryRun?: boolean | undefined;
	/**
	 * Whether to read a whole listing, and to remove the skills that neither it nor the whole listing before has. The user's own
	 * skills always stay. Nothing is removed after a listing that was read in several runs or leaves anything in doubt, in a
	 * database that several registries have filled or whose skills have no `source`, or if it would be more than a tenth of the
	 * table, unless `force` is set; `errors` and `warnings` then say why. Where another engine has synced the file since, it takes
	 * two such listings again. Default: false.
	 */
	prune?: boolean | undefined;
	/** Rows per page, from 1 to 10,000. The registry may send fewer. Default: 100. */
	pageSize?: number | undefined;
	/** Longest duration of the run in milliseconds. The next run continues where this one stopped. Default: 30 minutes. */
	deadlineMs?: number | undefined;
	/**
	 * Which listings of the registry may be used: `auto`, its sync endpoint or, if it has none, its search; `search`, only its
	 * search. Default: `SKILLSMITH_LISTING`, else `auto`.
	 */
	listing?: "auto" | "search" | undefined;
	/**
	 * How long runs ask the sync endpoint only for changes, in milliseconds, before one lists everything again, which finds what
	 * changed without a new timestamp; 0 for every run. For as long, a page of the search is requested with a condition (its ETag or
	 * Last-Modified), and not sent while it is unchanged. Default: 30 days.
	 */
	fullListingEveryMs?: number | undefined;
	/** The most requests of this run. If it reaches them, it ends as partial, and the next run continues from there. Default: no bound. */
	requestBudget?: number | undefined;
	/**
	 * The most requests of all runs of the database in a calendar month (UTC). Default: that of
	 * {@link SyncConfigRepository.setRequestBudget}, else no bound.
	 */
	monthlyRequestBudget?: number | undefined;
	/**
	 * Called with the progress of the run, in order, about 60 times a second at most, and never after the promise has settled.
	 * If it throws or rejects, the run fails with that error.
	 */
	onProgress?: ((progress: SyncProgress) => void | Promise<void>) | undefined;
	/** Cancels the run. The rows that it has written stay. */
	signal?: AbortSignal | undefined;
}
/** Current status of an engine. */
export interface EngineStatus {
	/** The configuration. */
	config: SyncConfig;
	/** The last successful run; `null` if there is none. */
	lastRun: SyncHistoryEntry | null;
	/** Whether a sync is running, in this process or another. */
	isRunning: boolean;
	/** Number of requests that the runs of this calendar month (UTC) have sent, without dry runs. */
	requestsThisMonth: number;
	/** The most requests in a calendar month, as set in the configuration; `null` if there is no bound. */
	requestBudget: number | null;
	/** Whether automatic syncing is on and the next sync is due. */
	isDue: boolean;
	/**
	 * Until when no automatic sync starts, due or not, because a run failed or the registry asked for a pause, as ISO time; `null`
	 * if there is no pause. `sync()` and `manualSync()` do not wait. The week after `PLAN_REQUIRED` is not told here: it holds for
	 * one credential only.
	 */
	pausedUntil: string | null;
}
/** Health of a registry. */
export interface HealthStatus {
	/** Status that the registry reports. */
	status: "healthy" | "degraded" | "unhealthy";
	/** When the client requested it. */
	timestamp: string;
	/** Version of the registry; `unknown` if it does not report one. */
	version: string;
}
/** Options of a search: filters, and the page of the result. */
export interface SearchOptions {
	/** A search word. */
	query?: string | undefined;
	/** Only skills of this trust tier. */
	trustTier?: string | undefined;
	/** Only skills of this category. */
	category?: string | undefined;
	/** Only skills with at least this quality score, on the scale of the registry. */
	minQualityScore?: number | undefined;
	/** Number of rows. Default: 100, which is also the maximum of the live registry. */
	limit?: number | undefined;
	/** Number of rows to skip. Default: 0. */
	offset?: number | undefined;
}
/** Options of a single request. */
export interface RequestOptions {
	/** Cancels the request. */
	signal?: AbortSignal | undefined;
}
/** Which page of the sync endpoint a host's registry returns. */
export interface SyncListingOptions {
	/** Only rows whose `updated_at` is later than this (ISO 8601); all rows if it is missing. */
	since?: string;
	/** Number of rows. The page may have fewer. */
	limit: number;
	/** Number of rows to skip. */
	offset: number;
}
/** A page as the registry sent it, with the registry's field names. */
export interface SearchResponse {
	/** The rows. */
	data: ApiSkill[];
	/** Data about the page: `total`, `limit`, `offset`. Their meaning differs between versions of the registry. */
	meta?: Record<string, unknown>;
}
/** A row as the registry sent it. Only these two fields are always present, and unknown fields may appear. */
export interface ApiSkill {
	/** Id of the skill. */
	id: string;
	/** Name of the skill. */
	name: string;
	[field: string]: unknown;
}
/**
 * Options of a {@link SkillsmithApiClient}. A missing option is read from the environment, then from `~/.skillsmith/config.json`. As
 * everywhere in this package, an option must be a property of the object itself: what its prototype has is not read.
 */
export interface ApiClientConfig {
	/** URL of the registry. Default: `SKILLSMITH_API_URL`, `SUPABASE_URL` + `/functions/v1`, `apiBaseUrl`, or the live service. */
	baseUrl?: string | URL | undefined;
	/** The anonymous key. Default: `SUPABASE_ANON_KEY`. */
	anonKey?: string | undefined;
	/** The API key. Default: `SKILLSMITH_API_KEY`, or `accessToken` (written by the stack's `login`) or `apiKey` of the file. */
	apiKey?: string | undefined;
	/** Token of a signed-in user. It takes precedence over the API key. */
	jwtToken?: string | undefined;
	/**
	 * Returns the token of a signed-in user, which takes precedence over the API key. Called before the first request unless
	 * `jwtToken` is set, and after a 401 for a fresh token. If there is no other token, the error is `SIGN_IN_EXPIRED`.
	 */
	token?: TokenProvider | undefined;
	/** Timeout in milliseconds for the headers of a response, and again for its body. Default: 30,000. */
	timeout?: number | undefined;
	/** Number of retries after the first attempt. Default: 3. */
	maxRetries?: number | undefined;
	/** Whether to send no requests. Default: `SKILLSMITH_OFFLINE_MODE`. */
	offlineMode?: boolean | undefined;
	/**
	 * Whether credentials may be sent over plain http to another machine, where everybody on the way can read them. Without it,
	 * that is `INVALID_ARGUMENT`. Default: `SKILLSMITH_ALLOW_INSECURE_HTTP`, else false.
	 */
	allowInsecureHttp?: boolean | undefined;
	/** Accepted for compatibility with the TypeScript stack. The client logs nothing. */
	debug?: boolean | undefined;
}
/** An HTTP client for the registry. Its calls run on threads of their own and retry temporary failures. */
export declare class SkillsmithApiClient {
	/**
	 * @throws {@link SkillsmithSyncError} `INVALID_ARGUMENT` if the URL, a key or the proxy is invalid, or a key would be sent over plain http; `IO_ERROR` or
	 *   `PERMISSION_DENIED` if the file is needed and cannot be read or parsed. A missing file is not an error.
	 */
	constructor(config?: ApiClientConfig);
	/** URL of the registry. */
	get baseUrl(): string;
	/** Whether offline mode is on. */
	isOffline(): boolean;
	/**
	 * Requests the health of the registry, with a timeout of 5 s. Returns `unhealthy` if the registry cannot be reached. Sends
	 * nothing in offline mode. `signal` cancels the request; the error is `CANCELLED` then, with the reason as its `cause`.
	 */
	checkHealth(options?: RequestOptions): Promise<HealthStatus>;
	/** Fetches one page of the listing. `signal` cancels the request, as in `checkHealth`. */
	search(options?: SearchOptions & RequestOptions): Promise<SearchResponse>;
}
/** Creates a client. */
export declare function createApiClient(config?: ApiClientConfig): SkillsmithApiClient;
/** A registry that the host supplies. Its methods may return promises. A sync does not retry a call that fails. */
export interface HostRegistry {
	/** Whether offline mode is on. If it is, every sync fails, and a background service starts none. */
	isOffline(): boolean | Promise<boolean>;
	/** Health of the registry. A sync fails if `status` is `unhealthy`. */
	checkHealth(): {
		status: string;
	} | Promise<{
		status: string;
	}>;
	/**
	 * Returns one page, `{ data: […], meta?: { total, limit } }`. A thrown error may have an HTTP status as `statusCode` or
	 * `status`, which then means the same as over HTTP; a 403 whose `code`, `details.code` or message has `tier_not_entitled` is
	 * `PLAN_REQUIRED`.
	 */
	search(options: SearchOptions): unknown;
	/**
	 * Returns one page of the sync endpoint, as `search` does: all rows in the order of their ids or, with `since`, those that
	 * have changed later. A sync then needs far fewer requests. Without this method, a sync uses `search` only.
	 */
	syncRegistry?(options: SyncListingOptions): unknown;
}
/** A registry of the host that has the sync endpoint and no search. A sync fails where `syncRegistry` says that it is missing. */
export interface HostSyncRegistry extends Omit<HostRegistry, "search" | "syncRegistry"> {
	/** As in {@link HostRegistry}. */
	syncRegistry(options: SyncListingOptions): unknown;
}
/**
 * A {@link SkillsmithApiClient}, a client of the TypeScript stack, or a registry that the host supplies.
 *
 * The methods of an object that has them are called, also those with which a subclass of `SkillsmithApiClient` replaces ours. Only
 * the client of the TypeScript stack, unchanged, is read for its settings instead, again at the start of each run, and so is an object
 * without such methods that has a string `baseUrl`. If the registry refuses the `jwtToken` of such a client, the run makes it send a
 * `search`, with which it refreshes its token, and goes on with that.
 *
 * In tests, pass an object with these methods. What replaces `fetch` or the `http` module of Node does not see requests of this
 * package, which it sends natively.
 */
export type ApiClientLike = SkillsmithApiClient | HostRegistry | HostSyncRegistry;
/** Milliseconds between two syncs of each frequency. */
export declare const FREQUENCY_INTERVALS: {
	readonly daily: 86400000;
	readonly weekly: 604800000;
};
/**
 * Reads and changes the configuration. Calls are short and block on the disk only. A call that writes waits up to 100 ms for
 * another writer, then fails with `DATABASE_BUSY`.
 */
export declare class SyncConfigRepository {
	/**
	 * @param db A {@link Database}, a path, or any object that has the path.
	 * @throws `TypeError` if `db` is none of them, or a copy in memory; see {@link DatabaseLike}.
	 */
	constructor(db: DatabaseLike);
	/**
	 * Closes the repository: later calls fail with `DATABASE_CLOSED`. Closes the database too, if it was given as a path. `using`
	 * calls this where the runtime has `Symbol.dispose`.
	 */
	close(): void;
	/** Closes it at the end of a block: {@link SyncConfigRepository.close}, for `using`. Missing where the runtime has no `Symbol.dispose`. */
	readonly [Symbol.dispose]: () => void;
	/** The current configuration. */
	getConfig(): SyncConfig;
	/** Changes the settings in `update` and returns the new configuration. */
	updateConfig(update: {
		[setting in keyof SyncConfigUpdate]: SyncConfigUpdate[setting] | undefined;
	}): SyncConfig;
	/** Records a complete sync that started at `timestamp` (ISO 8601) and changed `count` skills. Schedules the next sync. */
	setLastSync(timestamp: string, count: number): void;
	/** Records the error of the last sync. `null` clears it. */
	setLastSyncError(error: string | null): void;
	/** Clears the error of the last sync. */
	clearError(): void;
	/** Returns the time `intervalMs` milliseconds after `lastSyncAt`, in ISO 8601. */
	calculateNextSync(lastSyncAt: string, intervalMs: number): string;
	/** Whether automatic syncing is on and the next sync is due. */
	isSyncDue(): boolean;
	/** The most requests that syncs of this database send in a calendar month (UTC); `null` if there is no bound. */
	getRequestBudget(): number | null;
	/**
	 * Sets the most requests that syncs of this database send in a calendar month (UTC), or removes the bound with `null`. A sync
	 * that reaches it ends as partial, without an error, and the next one continues from there.
	 */
	setRequestBudget(budget: number | null): void;
	/** Enables automatic syncing. */
	enable(): SyncConfig;
	/** Disables automatic syncing. A manual sync still works. */
	disable(): SyncConfig;
	/** Changes the frequency and reschedules the next sync. */
	setFrequency(frequency: SyncFrequency): SyncConfig;
}
/** Reads and writes the history of runs. Calls are short, as in {@link SyncConfigRepository}. */
export declare class SyncHistoryRepository {
	/**
	 * @param db A {@link Database}, a path, or any object that has the path.
	 * @throws `TypeError` if `db` is none of them, or a copy in memory; see {@link DatabaseLike}.
	 */
	constructor(db: DatabaseLike);
	/**
	 * Closes the repository: later calls fail with `DATABASE_CLOSED`. Closes the database too, if it was given as a path. `using`
	 * calls this where the runtime has `Symbol.dispose`.
	 */
	close(): void;
	/** Closes it at the end of a block: {@link SyncHistoryRepository.close}, for `using`. Missing where the runtime has no `Symbol.dispose`. */
	readonly [Symbol.dispose]: () => void;
	/** Creates an entry for a run that starts now. Returns the id of the run. */
	startRun(): string;
	/** Marks a run as successful. */
	completeRun(id: string, result: SyncRunResult): void;
	/** Marks a run as partially successful. */
	completeRunPartial(id: string, result: SyncRunResult, errorMessage: string): void;
	/** Marks a run as failed. */
	failRun(id: string, error: string): void;
	/** The entry of the run, or `null`. */
	getById(id: string): SyncHistoryEntry | null;
	/**
	 * Up to `limit` entries, newest first; all if it is negative. A sync of this library whose process has died is told as failed, here and
	 * in {@link SyncHistoryRepository.getById}.
	 */
	getHistory(limit?: number): SyncHistoryEntry[];
	/** The newest successful entry, or `null`. */
	getLastSuccessful(): SyncHistoryEntry | null;
	/**
	 * The entries of running syncs, newest first. Entries of syncs of this library whose process has died are marked as failed first,
	 * others by the next sync, 30 minutes after their start.
	 */
	getRunning(): SyncHistoryEntry[];
	/** Whether a sync is running; of entries as in {@link SyncHistoryRepository.getRunning}. */
	isRunning(): boolean;
	/** Deletes the entries of runs that started more than `daysToKeep` days ago. Returns the number of deleted entries. */
	cleanup(daysToKeep?: number): number;
	/** Number of entries. */
	count(): number;
	/** Statistics of the whole history. */
	getStats(): SyncStats;
}
/** Finds and reads skills. Calls are short and block on the disk only. */
export declare class SkillRepository {
	/**
	 * @param db A {@link Database}, a path, or any object that has the path.
	 * @throws `TypeError` if `db` is none of them, or a copy in memory; see {@link DatabaseLike}.
	 */
	constructor(db: DatabaseLike);
	/**
	 * Closes the repository: later calls fail with `DATABASE_CLOSED`. Closes the database too, if it was given as a path. `using`
	 * calls this where the runtime has `Symbol.dispose`.
	 */
	close(): void;
	/** Closes it at the end of a block: {@link SkillRepository.close}, for `using`. Missing where the runtime has no `Symbol.dispose`. */
	readonly [Symbol.dispose]: () => void;
	/** The skill with this id, or `null`. */
	findById(id: string): SkillRecord | null;
	/** Whether a skill with this id exists. */
	exists(id: string): boolean;
	/** Number of skills, including the user's own. */
	count(): number;
	/**
	 * The skills in which every word of `text` is found, the best match first, then the best quality, then by id.
	 *
	 * Nothing in the text is an operator: quotes, `-`, `*` and `NEAR` are looked for, or are between words. A word matches in all its
	 * forms, as the full-text index has them; the last one, if it has three letters, matches every word that begins with it. An empty
	 * text leaves nothing out, and the best quality comes first. Waits for no sync, and changes nothing.
	 *
	 * @throws {@link SkillsmithSyncError} with `INVALID_ARGUMENT` for a text of more than 1,000 characters.
	 */
	search(text: string, options?: SkillSearchOptions): SkillSearchResults;
	/** A page of all skills, in the order of their ids. Waits for no sync. */
	list(options?: SkillListOptions): SkillPage;
	/**
	 * All skills of a list, read page by page when they are needed: no lock is held in between, so a sync may write meanwhile. What it
	 * adds behind the last id is found too. `for (const skill of skills)` goes through all skills.
	 */
	iterate(options?: SkillListOptions): Generator<SkillRecord, void, undefined>;
	/** All skills: {@link SkillRepository.iterate}. */
	[Symbol.iterator](): Generator<SkillRecord, void, undefined>;
	/** The skill with this id, its categories and where it is from, or `null`. */
	get(id: string): SkillDetails | null;
	/** How complete and how old the skills are. Each answer of `search` and `list` says it, too. */
	freshness(): Freshness;
}
/** Options of a {@link SyncEngine}. */
export interface SyncEngineOptions {
	/** The database. Default: `SKILLSMITH_DB_PATH`, else `~/.skillsmith/skills.db`. */
	db?: DatabaseLike | undefined;
	/** The registry. Default: a {@link SkillsmithApiClient} configured by the environment. */
	apiClient?: ApiClientLike | undefined;
}
/** A repository of this library, or one of the TypeScript stack with a `db` property. */
export type RepositoryLike = SkillRepository | SyncConfigRepository | SyncHistoryRepository | object;
/**
 * Syncs a database with a registry.
 *
 * A sync runs on its own thread. Only one sync runs on a database at a time, across all engines and processes.
 */
export declare class SyncEngine {
	/** @throws `TypeError` for wrong types, and for a database that is a copy in memory; see {@link DatabaseLike}. */
	constructor(options?: SyncEngineOptions);
	/** The constructor of the TypeScript stack. The three repositories must use the same database. Ignores further arguments. */
	constructor(apiClient: ApiClientLike, skillRepo: RepositoryLike, configRepo: RepositoryLike, historyRepo: RepositoryLike, ...ignored: unknown[]);
	/**
	 * Syncs now. If the run fails, the promise still resolves, with `success: false` and the cause as the first of `errors`;
	 * the history has the error too. A failed run keeps the rows that it has written, and the next run continues from there.
	 * Keeps the process alive until the promise settles.
	 *
	 * @throws `TypeError` or `RangeError` for invalid options, {@link SkillsmithSyncError} for a database that is closed or cannot be
	 *   opened, or for another word than `auto` or `search` as the listing, also in `SKILLSMITH_LISTING`. The run has not started then.
	 */
	sync(options?: SyncOptions): Promise<SyncResult>;
	/** Current status: configuration, last successful run, running, due. Reads from the disk and returns at once. */
	getStatus(): EngineStatus;
	/**
	 * Closes the engine: later calls fail with `DATABASE_CLOSED`. A running sync ends normally. Closes the database too, if it was given
	 * as a path or is the default. `using` calls this where the runtime has `Symbol.dispose`.
	 */
	close(): void;
	/** Closes it at the end of a block: {@link SyncEngine.close}, for `using`. Missing where the runtime has no `Symbol.dispose`. */
	readonly [Symbol.dispose]: () => void;
}
/** Result of an engine that the host supplies. Optional are the fields that the engine of the TypeScript stack does not return. */
export type HostResult = Omit<SyncResult, AddedFields> & Partial<Pick<SyncResult, AddedFields>>;
type AddedFields = "skillsRejected" | "skillsRemoved" | "warnings" | "coverage" | "requests";
/** Options of a {@link BackgroundSyncService}. */
export interface BackgroundSyncOptions {
	/** Milliseconds between two checks. Default: 60,000. */
	checkIntervalMs?: number | undefined;
	/** Whether `start` checks at once. Default: true. */
	syncOnStart?: boolean | undefined;
	/**
	 * Called with the result of every sync, also of a failed one, but not where another sync was faster. If it throws or rejects,
	 * `onSyncError` gets the error.
	 */
	onSyncComplete?: ((result: SyncResult) => void | Promise<void>) | undefined;
	/**
	 * Called with the reason when a sync does not succeed, unless `stop` has cancelled it, and once for each new reason why a check
	 * fails; never before `start` has returned. Default: writes one line to stderr.
	 */
	onSyncError?: ((error: Error) => void | Promise<void>) | undefined;
	/** Whether to log what the service does to stderr. Default: false. */
	debug?: boolean | undefined;
}
/** State of a {@link BackgroundSyncService}. */
export interface BackgroundSyncState {
	/** Whether the service is started. */
	isStarted: boolean;
	/** Whether a sync of this service is running, or the callbacks that are told of its end. */
	isRunning: boolean;
	/** Result of the last sync; `null` before the first. */
	lastResult: SyncResult | null;
	/** Error of the last check, if it failed, else of the last sync; `null` if it succeeded. */
	lastError: Error | null;
	/** Number of checks by the timer. */
	checksPerformed: number;
	/** Number of syncs started, including manual ones. */
	syncsTriggered: number;
}
/** A {@link SyncEngine}, or an object of the host with a `sync` method. */
export type EngineLike = SyncEngine | {
	sync(options?: SyncOptions): Promise<HostResult> | HostResult;
};
/**
 * A {@link SyncConfigRepository}, or an object of the host with the same two methods.
 *
 * With a {@link SyncEngine}, such an object can only delay a sync: the sync must also be due in the database of the engine,
 * and the backoff after a failure must be over.
 */
export type ScheduleLike = SyncConfigRepository | {
	getConfig(): SyncConfig;
	isSyncDue(): boolean;
};
/**
 * Syncs in the background: whenever automatic syncing is enabled and a sync is due, with a backoff after a failure.
 *
 * Uses JavaScript timers, which do not keep the process alive.
 */
export declare class BackgroundSyncService {
	constructor(engine: EngineLike, configRepo: ScheduleLike, options?: BackgroundSyncOptions);
	/**
	 * Starts the checks, and syncs at once if a sync is due. Does nothing if automatic syncing is disabled, or when already
	 * started.
	 */
	start(): void;
	/**
	 * Stops the checks and cancels a running sync. Resolves when that sync has settled, within about 200 ms; does not wait
	 * longer than 400 ms for an engine of the host. Calling it again is safe.
	 */
	stop(): Promise<void>;
	/** Stops it at the end of a block: {@link BackgroundSyncService.stop}, for `await using`. Missing where the runtime has no `Symbol.asyncDispose`. */
	readonly [Symbol.asyncDispose]: () => Promise<void>;
	/**
	 * Syncs now, whether or not a sync is due. Keeps the process alive until the sync ends. Resolves when the callbacks are done.
	 *
	 * @throws {@link SkillsmithSyncError} `SYNC_IN_PROGRESS` while a sync of this service is running, and in its callbacks.
	 */
	manualSync(): Promise<SyncResult>;
	/** A copy of the current state. */
	getState(): BackgroundSyncState;
	/** Whether a sync of this service is running. */
	isSyncRunning(): boolean;
	/** Whether the service is started. */
	isServiceStarted(): boolean;
}
/** Creates a service and starts it. */
export declare function createBackgroundSyncService(engine: EngineLike, configRepo: ScheduleLike, options?: BackgroundSyncOptions): BackgroundSyncService;
/** What subscribers of `skillsmith:sync:start` get. */
export interface SyncStartMessage {
	/** The same object in all messages of one run. */
	run: object;
	/** The path of the database, or `:memory:`. */
	database: string;
}
/** What subscribers of `skillsmith:sync:request` get before each request for a page or for the health of the registry. */
export interface SyncRequestMessage {
	/** The same object in all messages of one run. */
	run: object;
	/** `sync` and `search` are the two endpoints with pages. */
	kind: "health" | "search" | "sync";
	/** The number of rows that are asked for; missing for `health`. */
	limit?: number;
	/** The number of rows before the page; 0 for `health`. */
	offset: number;
}
/** What subscribers of `skillsmith:sync:page` get after each request, its retries included. */
export interface SyncPageMessage extends SyncRequestMessage {
	/** Duration in milliseconds. */
	durationMs: number;
	/** The number of rows of the page; missing after an error, for `health`, and if the registry says that the page is unchanged. */
	rows?: number;
	/** The code of the error, if it failed. */
	code?: string;
}
/** What subscribers of `skillsmith:sync:end` get. */
export interface SyncEndMessage {
	/** The same object in all messages of one run. */
	run: object;
	/** The result. */
	result: SyncResult;
}
/** Options of {@link startBackgroundSync}. */
export interface StartBackgroundSyncOptions extends BackgroundSyncOptions {
	/** The database. Default: `SKILLSMITH_DB_PATH`, else `~/.skillsmith/skills.db`. */
	db?: DatabaseLike | undefined;
	/** The registry. Default: a {@link SkillsmithApiClient} configured by the environment. */
	apiClient?: ApiClientLike | undefined;
	/** Stops the service as `stop` does. If it is aborted already, the service is not started. */
	signal?: AbortSignal | undefined;
}
/** Result of {@link startBackgroundSync}. */
export interface BackgroundSync {
	/** The engine, for manual syncs and the current status. */
	engine: SyncEngine;
	/** The configuration. */
	configRepo: SyncConfigRepository;
	/** The history. */
	historyRepo: SyncHistoryRepository;
	/** The service. Not started if background syncing is off or could not be started. */
	service: BackgroundSyncService;
	/** The database, if it was opened here, because `db` was a path or missing; `null` otherwise. `stop` closes it. */
	readonly database: Database | null;
	/**
	 * Stops the service, removes the signal handlers, and closes the database if it was opened here. Resolves when a running sync
	 * has settled.
	 */
	stop(): Promise<void>;
}
/**
 * Starts background syncing. An MCP server calls this once when it starts.
 *
 * Starts the service unless `SKILLSMITH_BACKGROUND_SYNC` is `false`, `SKILLSMITH_OFFLINE_MODE` is `true`, or automatic syncing
 * is disabled in the configuration. In the first two cases nothing is opened or created before it is used. SIGTERM and SIGINT
 * stop the service. If the host has no handler for the signal, the process then ends by it as usual.
 *
 * It does not take a host down for what is wrong around it: a folder that cannot be written, a damaged database, an address that
 * cannot be used, one of these variables that is neither true nor false, or a copy in memory as `db` (see {@link DatabaseLike}).
 * `onSyncError` gets the error, after this function has returned. The service is not started then, and each call that needs what
 * could not be had throws that error, or resolves without success.
 *
 * @throws `TypeError` or `RangeError` for options of a wrong type, out of range, or with an unknown name.
 */
export declare function startBackgroundSync(options?: StartBackgroundSyncOptions): BackgroundSync;
declare global {
	interface SymbolConstructor {
		readonly dispose: unique symbol;
		readonly asyncDispose: unique symbol;
	}
}
/** The version of this package and of its addon. */
export declare const version: string;

export {};
