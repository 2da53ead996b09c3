// Our classes where a host expects those of the TypeScript stack: what it calls has the same names, arguments and
// results, so that the host changes its imports and nothing else.
//
// A class with private members is nominal in TypeScript: nothing but itself and its heirs is assignable to it, whatever
// its shape. So a parameter that names a class of the stack takes ours only by a cast, and what is compared here is the
// public view of each. What cannot be assignable:
// - SkillRepository.findById: its trust tier is a plain string, since registries have tiers that the stack does not know;
//   createdAt and updatedAt may be null in databases in the field. The writing methods are not here: rows are
//   written by the engine.
// - SkillsmithApiClient.search: rows are as the registry served them, where the stack promises every field of its own
//   schema. getSkill, getRecommendations and recordEvent have nothing to do with a sync.
import * as ours from '@skillsmith/sync'

import type * as theirClient from '../node_modules/@skillsmith/core/dist/src/api/client.js'
import type * as theirSkills from '../node_modules/@skillsmith/core/dist/src/repositories/SkillRepository.js'
import type * as theirConfig from '../node_modules/@skillsmith/core/dist/src/repositories/SyncConfigRepository.js'
import type * as theirHistory from '../node_modules/@skillsmith/core/dist/src/repositories/SyncHistoryRepository.js'
import type * as theirService from '../node_modules/@skillsmith/core/dist/src/sync/BackgroundSyncService.js'
import type * as theirEngine from '../node_modules/@skillsmith/core/dist/src/sync/SyncEngine.js'

/** What others see of a class. */
type Public<T> = { [K in keyof T]: T[K] }
/** The same with the methods as functions: their parameters are then compared strictly. */
type Strict<T> = { [K in keyof T]: T[K] extends (...args: infer A) => infer R ? (...args: A) => R : T[K] }
type IsAny<T> = 0 extends 1 & T ? true : false
type IsAssignable<From, To> = [From] extends [To] ? true : false

// The stack's types were found; `any` would be assignable to everything.
const found: IsAny<
  | theirConfig.SyncConfigRepository
  | theirHistory.SyncHistoryRepository
  | theirEngine.SyncEngine
  | theirService.BackgroundSyncService
  | theirClient.SkillsmithApiClient
  | theirSkills.SkillRepository
  | ours.SyncEngine
> = false
const nominal: IsAssignable<ours.SyncConfigRepository, theirConfig.SyncConfigRepository> = false

// Our instances where the stack's are expected.
declare const config: ours.SyncConfigRepository
declare const history: ours.SyncHistoryRepository
declare const skills: ours.SkillRepository
declare const engine: ours.SyncEngine
declare const service: ours.BackgroundSyncService
declare const client: ours.SkillsmithApiClient

const expected = [
  config satisfies Strict<Public<theirConfig.SyncConfigRepository>>,
  history satisfies Strict<Public<theirHistory.SyncHistoryRepository>>,
  engine satisfies Strict<Public<theirEngine.SyncEngine>>,
  service satisfies Strict<Public<theirService.BackgroundSyncService>>,
  skills satisfies Strict<Pick<Public<theirSkills.SkillRepository>, 'exists' | 'count'>>,
  client satisfies Strict<Pick<Public<theirClient.SkillsmithApiClient>, 'isOffline' | 'checkHealth'>>,
]

// A search that the stack's engine makes is one that our client takes.
const search: (options: { query: string; limit?: number; offset?: number }) => Promise<{ data: { id: string; name: string }[] }> = (
  options,
) => client.search(options)
// What its skills promise of ours; a host that lists the tiers has to allow for more.
type Skill = NonNullable<ReturnType<theirSkills.SkillRepository['findById']>>
type Record = Omit<ours.SkillRecord, 'trustTier' | 'createdAt' | 'updatedAt'>
const record: IsAssignable<Record, Omit<Skill, 'trustTier' | 'createdAt' | 'updatedAt'>> = true
// The same of what is found, also by the stack's own search.
type Found = Omit<ours.SkillMatch, 'trustTier' | 'createdAt' | 'updatedAt'>
const match: IsAssignable<Found, Omit<Skill, 'trustTier' | 'createdAt' | 'updatedAt'>> = true
type Details = Omit<ours.SkillDetails, 'trustTier' | 'createdAt' | 'updatedAt'>
const details: IsAssignable<Details, Omit<Skill, 'trustTier' | 'createdAt' | 'updatedAt'>> = true
const tierIsAString: IsAssignable<ours.SkillRecord['trustTier'], Skill['trustTier']> = false

// Its data types and ours, both ways, but for what our results have more.
const same: [
  IsAssignable<ours.SyncConfig, theirConfig.SyncConfig>,
  IsAssignable<theirConfig.SyncConfig, ours.SyncConfig>,
  IsAssignable<ours.SyncConfigUpdate, theirConfig.SyncConfigUpdate>,
  IsAssignable<theirConfig.SyncConfigUpdate, ours.SyncConfigUpdate>,
  IsAssignable<ours.SyncFrequency, theirConfig.SyncFrequency>,
  IsAssignable<theirConfig.SyncFrequency, ours.SyncFrequency>,
  IsAssignable<typeof ours.FREQUENCY_INTERVALS, typeof theirConfig.FREQUENCY_INTERVALS>,
  IsAssignable<ours.SyncHistoryEntry, theirHistory.SyncHistoryEntry>,
  IsAssignable<theirHistory.SyncHistoryEntry, ours.SyncHistoryEntry>,
  IsAssignable<ours.SyncStatus, theirHistory.SyncStatus>,
  IsAssignable<theirHistory.SyncStatus, ours.SyncStatus>,
  IsAssignable<ours.SyncRunResult, theirHistory.SyncRunResult>,
  IsAssignable<theirHistory.SyncRunResult, ours.SyncRunResult>,
  IsAssignable<theirEngine.SyncOptions, ours.SyncOptions>,
  IsAssignable<ours.SyncProgress, theirEngine.SyncProgress>,
  IsAssignable<theirEngine.SyncProgress, ours.SyncProgress>,
  IsAssignable<ours.SyncResult, theirEngine.SyncResult>,
  IsAssignable<theirService.BackgroundSyncOptions, ours.BackgroundSyncOptions>,
  IsAssignable<ours.BackgroundSyncState, theirService.BackgroundSyncState>,
  IsAssignable<theirClient.ApiClientConfig, ours.ApiClientConfig>,
] = [true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true]

// The stack's instances where ours are expected.
declare const stack: {
  client: theirClient.SkillsmithApiClient
  skills: theirSkills.SkillRepository
  config: theirConfig.SyncConfigRepository
  history: theirHistory.SyncHistoryRepository
  engine: theirEngine.SyncEngine
}
const made = [
  new ours.SyncEngine(stack.client, stack.skills, stack.config, stack.history),
  new ours.SyncEngine({ db: 'skills.db', apiClient: stack.client }),
  new ours.BackgroundSyncService(engine, stack.config),
  new ours.BackgroundSyncService(stack.engine, stack.config),
  new ours.BackgroundSyncService(stack.engine, config),
  ours.createBackgroundSyncService(stack.engine, stack.config, { syncOnStart: true, debug: false }),
]

export { details, expected, found, made, match, nominal, record, same, search, tierIsAString }
