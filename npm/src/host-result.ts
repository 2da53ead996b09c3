// What an engine of the host returns, as plain data of our shape.

import * as check from './check.js'
import type { SyncResult } from './types.js'

/** Result of an engine that the host supplies. Optional are the fields that the engine of the TypeScript stack does not return. */
export type HostResult = Omit<SyncResult, AddedFields> & Partial<Pick<SyncResult, AddedFields>>
type AddedFields = 'skillsRejected' | 'skillsRemoved' | 'warnings' | 'coverage' | 'requests'

const ADDED: Pick<SyncResult, AddedFields> = { skillsRejected: 0, skillsRemoved: 0, warnings: [], coverage: 'best-effort', requests: 0 }

const FIELDS: readonly (keyof SyncResult)[] = [
  'success',
  'skillsAdded',
  'skillsUpdated',
  'skillsUnchanged',
  'skillsRejected',
  'skillsRemoved',
  'totalProcessed',
  'errors',
  'warnings',
  'coverage',
  'durationMs',
  'requests',
  'dryRun',
  'code',
  'retryable',
  'cause',
]

/** Reads every field once, here: a getter of the host's that throws must not do so while the end of a run is recorded. */
export function plainResult(result: HostResult): SyncResult {
  if (!check.isObject(result)) throw check.wrongType('the result of the engine', 'an object', result)
  const plain: Record<string, unknown> = { ...ADDED, ...(result as object) }
  for (const field of FIELDS) {
    const value = (result as Record<string, unknown>)[field]
    if (value !== undefined) plain[field] = value
  }
  return plain as unknown as SyncResult
}
