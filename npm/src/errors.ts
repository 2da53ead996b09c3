import { getSystemErrorName } from 'node:util'

import type { Failure, FailureCause, TaskEvent } from './addon.js'
import { native } from './native.js'

/** For each code, whether the same call may succeed later without a change. The C interface uses the numbers. */
const CODES = {
  /** 101: an argument is invalid. */
  INVALID_ARGUMENT: false,
  /** 102: no run has this id. */
  RUN_NOT_FOUND: false,
  /** 103: another sync of this database is running. */
  SYNC_IN_PROGRESS: true,
  /** 104: the caller cancelled the sync. */
  CANCELLED: true,
  /** 105: the database is closed. */
  DATABASE_CLOSED: false,
  /** 106: the database was opened by the parent process. */
  OPENED_BEFORE_FORK: false,
  /** 107: a callback or registry of the host failed. */
  HOST_ERROR: true,
  /** 108: a pointer is NULL; C only. */
  NULL_ARGUMENT: false,
  /** 109: a handle is invalid or was freed; C only. */
  INVALID_HANDLE: false,
  /** 201: offline mode is on. */
  OFFLINE: false,
  /** 202: the registry is unhealthy. */
  API_UNHEALTHY: true,
  /** 203: the connection failed or broke off. */
  NETWORK_UNREACHABLE: true,
  /** 204: a request timed out. */
  NETWORK_TIMEOUT: true,
  /** 205: the registry limits the rate of requests. */
  RATE_LIMITED: true,
  /** 206: the monthly quota is used up. */
  QUOTA_EXCEEDED: false,
  /** 207: a key is missing or wrong. */
  UNAUTHORIZED: false,
  /** 208: the key does not give access. */
  FORBIDDEN: false,
  /** 209: the registry failed (HTTP 408 or 5xx). */
  SERVER_ERROR: true,
  /** 210: the run reached its deadline. */
  RUN_DEADLINE: true,
  /** 211: the plan does not give access. */
  PLAN_REQUIRED: false,
  /** 212: the sign-in has expired. */
  SIGN_IN_EXPIRED: false,
  /** 301: another error of SQLite. */
  DATABASE_ERROR: false,
  /** 302: another connection holds the write lock. */
  DATABASE_BUSY: true,
  /** 303: the file is not a SQLite database. */
  NOT_A_DATABASE: false,
  /** 304: the file is damaged. */
  DATABASE_DAMAGED: false,
  /** 305: the database belongs to another program. */
  NOT_SKILLSMITH: false,
  /** 306: the operating system denies access to the file. */
  PERMISSION_DENIED: false,
  /** 307: the database is read-only. */
  READ_ONLY: false,
  /** 308: the disk is full. */
  DISK_FULL: true,
  /** 309: another error of the file system. */
  IO_ERROR: false,
  /** 310: another copy of SQLite in this process has the file open, and this system cannot separate the two. */
  DATABASE_IN_USE: true,
  /** 311: another program replaced, moved or deleted the file while it was open. */
  DATABASE_REPLACED: true,
  /** 312: too many files are open in this process or system. */
  TOO_MANY_FILES: true,
  /** 401: the registry sent an invalid response. */
  PROTOCOL_ERROR: true,
  /** 402: the registry refused the request. */
  REQUEST_REFUSED: false,
  /** 403: the registry sent a redirect to another address. */
  REDIRECT_REFUSED: false,
  /** 404: the response is too large. */
  RESPONSE_TOO_LARGE: false,
  /** 901: a bug in this library. */
  INTERNAL: false,
  /** 902: out of memory. */
  OUT_OF_MEMORY: true,
} as const

/** The codes of {@link SkillsmithSyncError}. They do not change between versions. */
export type SkillsmithErrorCode = keyof typeof CODES

/** The error of this library. Arguments of a wrong type throw a `TypeError` instead, and arguments out of range a `RangeError`. */
export class SkillsmithSyncError extends Error {
  override readonly name = 'SkillsmithSyncError'
  /** The error code. */
  readonly code: SkillsmithErrorCode
  /** Whether the same call may succeed later without a change. */
  readonly retryable: boolean
  /**
   * What led to it, where that is known: an error with `code` and `errno` of the system, with the HTTP `status`, or with the
   * `sqliteCode`; the `reason` of the signal that cancelled a request; or what a callback threw.
   */
  declare readonly cause?: unknown

  constructor(message: string, code: SkillsmithErrorCode, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
    this.retryable = CODES[code]
  }
}

/** Calls the addon and converts its errors. */
export function attempt<T>(call: () => T): T {
  try {
    return call()
  } catch (error) {
    if (!isFailure(error)) throw error
    const cause = native.takeCause()
    throw fromFailure({ code: error.code, message: error.message, ...(cause && { cause }) })
  }
}

export function isErrorCode(code: unknown): code is SkillsmithErrorCode {
  return typeof code === 'string' && Object.hasOwn(CODES, code)
}

export function fromFailure(failure: Failure, { cause, frames }: { cause?: unknown; frames?: string } = {}): SkillsmithSyncError {
  const options = cause !== undefined ? { cause } : failure.cause ? { cause: causeOf(failure.cause) } : undefined
  const error = new SkillsmithSyncError(failure.message, isErrorCode(failure.code) ? failure.code : 'INTERNAL', options)
  if (frames) error.stack = `${error.name}: ${error.message}\n${frames}`
  return error
}

/** An error as those of Node: `errno` and `code` of the system, `status` of HTTP, or `sqliteCode`, the extended code. */
function causeOf({ message, osError, httpStatus, sqliteCode }: FailureCause): Error {
  const cause = new Error(message)
  if (osError !== undefined) Object.assign(cause, { errno: -osError, code: systemErrorName(osError) })
  if (httpStatus !== undefined) Object.assign(cause, { status: httpStatus })
  if (sqliteCode !== undefined) Object.assign(cause, { sqliteCode })
  return cause
}

function systemErrorName(osError: number): string {
  try {
    return getSystemErrorName(-osError)
  } catch {
    // Windows numbers its errors in another way.
    return `E${osError}`
  }
}

/** The frames of the call of the host, for an error that comes later: one that is made then has only the event loop's. */
export function callerFrames(): string {
  const at: { stack?: string } = {}
  Error.captureStackTrace?.(at, callerFrames)
  return at.stack?.split('\n').slice(1).join('\n') ?? ''
}

/** The error for an event that does not belong to its task. */
export function unexpectedEvent(event: TaskEvent): SkillsmithSyncError {
  return new SkillsmithSyncError(`Internal error (please report it): the addon sent an unexpected event: ${event.type}`, 'INTERNAL')
}

/** By its shape: in a vm context, as test runners use them, the addon's errors are of another realm, whose `Error` is another. */
function isFailure(error: unknown): error is Failure {
  return isErrorLike(error) && 'code' in error && isErrorCode(error.code)
}

/** Whether it is an error of this or another realm. */
function isErrorLike(value: unknown): value is Error {
  if (value instanceof Error) return true
  return typeof value === 'object' && value !== null && Object.prototype.toString.call(value) === '[object Error]'
}

/** The message of any value that a host threw. */
export function messageOf(thrown: unknown): string {
  try {
    // A host may set the message to a value that is not a string.
    if (isErrorLike(thrown) && typeof thrown.message === 'string' && thrown.message) return thrown.message
    return String(thrown)
  } catch {
    return 'an error without a message'
  }
}

/** Converts any value that a host threw to an `Error`. */
export function toError(thrown: unknown): Error {
  return isErrorLike(thrown) ? thrown : new SkillsmithSyncError(messageOf(thrown), 'HOST_ERROR', { cause: thrown })
}
