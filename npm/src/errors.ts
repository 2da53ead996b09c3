import type { Failure } from './addon.js'

/** Whether the same call may succeed later by itself, for each code. The numbers are what C sees. */
const CODES = {
  /** 101: an argument cannot be used. */
  INVALID_ARGUMENT: false,
  /** 102: no run of that id. */
  RUN_NOT_FOUND: false,
  /** 103: another sync of this database is under way. */
  SYNC_IN_PROGRESS: true,
  /** 104: stopped on request. */
  CANCELLED: true,
  /** 105: the database was closed. */
  DATABASE_CLOSED: false,
  /** 106: the database was opened by the parent process. */
  OPENED_BEFORE_FORK: false,
  /** 107: a callback or registry of the host failed. */
  HOST_ERROR: true,
  /** 108: a pointer is missing; C only. */
  NULL_ARGUMENT: false,
  /** 109: a handle was freed already; C only. */
  INVALID_HANDLE: false,
  /** 201: offline mode is on. */
  OFFLINE: false,
  /** 202: the registry is unhealthy. */
  API_UNHEALTHY: true,
  /** 203: no connection, or a cut one. */
  NETWORK_UNREACHABLE: true,
  /** 204: a network deadline ran out. */
  NETWORK_TIMEOUT: true,
  /** 205: too many requests. */
  RATE_LIMITED: true,
  /** 206: the monthly quota is used up. */
  QUOTA_EXCEEDED: false,
  /** 207: a key is missing or wrong. */
  UNAUTHORIZED: false,
  /** 208: the key does not allow it. */
  FORBIDDEN: false,
  /** 209: the registry fails (5xx). */
  SERVER_ERROR: true,
  /** 210: the run's deadline. */
  RUN_DEADLINE: true,
  /** 211: the plan does not include it. */
  PLAN_REQUIRED: false,
  /** 301: SQLite failed. */
  DATABASE_ERROR: false,
  /** 302: another connection kept the write lock for too long. */
  DATABASE_BUSY: true,
  /** 303: no SQLite file. */
  NOT_A_DATABASE: false,
  /** 304: a damaged SQLite file. */
  DATABASE_DAMAGED: false,
  /** 305: some other program's database. */
  NOT_SKILLSMITH: false,
  /** 306: the operating system refuses. */
  PERMISSION_DENIED: false,
  /** 307: opened read-only. */
  READ_ONLY: false,
  /** 308: no space left. */
  DISK_FULL: true,
  /** 309: another failure of the file system. */
  IO_ERROR: false,
  /** 310: another SQLite of this process has the file open, and the system cannot keep the two apart. */
  DATABASE_IN_USE: true,
  /** 311: the file was replaced, moved or deleted by another program while it was in use. */
  DATABASE_REPLACED: true,
  /** 312: too many files are open, in this process or in the system. */
  TOO_MANY_FILES: true,
  /** 401: an answer of the registry that cannot be understood. */
  PROTOCOL_ERROR: true,
  /** 402: a request that the registry refuses. */
  REQUEST_REFUSED: false,
  /** 403: a redirect that is not followed. */
  REDIRECT_REFUSED: false,
  /** 404: an answer over the size bound. */
  RESPONSE_TOO_LARGE: false,
  /** 901: a bug of this library. */
  INTERNAL: false,
  /** 902: no memory to go on with. */
  OUT_OF_MEMORY: true,
} as const

/** The codes of {@link SkillsmithSyncError}. They are never renamed. */
export type SkillsmithErrorCode = keyof typeof CODES

/** What this library throws and rejects with, but for arguments of a wrong type (`TypeError`) or out of range (`RangeError`). */
export class SkillsmithSyncError extends Error {
  override readonly name = 'SkillsmithSyncError'
  /** What went wrong, for programs. */
  readonly code: SkillsmithErrorCode
  /** Whether the same call may succeed later without any change by the caller. */
  readonly retryable: boolean

  constructor(message: string, code: SkillsmithErrorCode, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
    this.retryable = CODES[code]
  }
}

/** Calls the addon; its errors become ours. */
export function attempt<T>(call: () => T): T {
  try {
    return call()
  } catch (error) {
    throw isFailure(error) ? fromFailure(error) : error
  }
}

export function fromFailure(failure: Pick<Failure, 'code' | 'message'>): SkillsmithSyncError {
  return new SkillsmithSyncError(failure.message, failure.code in CODES ? (failure.code as SkillsmithErrorCode) : 'INTERNAL')
}

function isFailure(error: unknown): error is Failure {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code in CODES
}

/** The words of whatever a host threw. */
export function messageOf(thrown: unknown): string {
  try {
    // A message may be anything: it is a property like any other.
    if (thrown instanceof Error && typeof thrown.message === 'string' && thrown.message) return thrown.message
    return String(thrown)
  } catch {
    return 'an error without words'
  }
}

/** What a host threw, as an `Error`. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new SkillsmithSyncError(messageOf(thrown), 'HOST_ERROR', { cause: thrown })
}
