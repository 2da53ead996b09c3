// Events of runs on `diagnostics_channel`. Nothing is made for a channel without subscribers.

import { channel } from 'node:diagnostics_channel'

import type { SyncResult } from './types.js'

/** What subscribers of `skillsmith:sync:start` get. */
export interface SyncStartMessage {
  /** The same object in all messages of one run. */
  run: object
  /** The path of the database, or `:memory:`. */
  database: string
}

/** What subscribers of `skillsmith:sync:request` get before each request for a page or for the health of the registry. */
export interface SyncRequestMessage {
  /** The same object in all messages of one run. */
  run: object
  /** `sync` and `search` are the two endpoints with pages. */
  kind: 'health' | 'search' | 'sync'
  /** The number of rows that are asked for; missing for `health`. */
  limit?: number
  /** The number of rows before the page; 0 for `health`. */
  offset: number
}

/** What subscribers of `skillsmith:sync:page` get after each request, its retries included. */
export interface SyncPageMessage extends SyncRequestMessage {
  /** Duration in milliseconds. */
  durationMs: number
  /** The number of rows of the page; missing after an error, for `health`, and if the registry says that the page is unchanged. */
  rows?: number
  /** The code of the error, if it failed. */
  code?: string
}

/** What subscribers of `skillsmith:sync:end` get. */
export interface SyncEndMessage {
  /** The same object in all messages of one run. */
  run: object
  /** The result. */
  result: SyncResult
}

const CHANNELS = {
  start: channel('skillsmith:sync:start'),
  request: channel('skillsmith:sync:request'),
  page: channel('skillsmith:sync:page'),
  end: channel('skillsmith:sync:end'),
}

interface Messages {
  start: SyncStartMessage
  request: SyncRequestMessage
  page: SyncPageMessage
  end: SyncEndMessage
}

/** Whether anybody subscribes to requests or pages. */
export function wantsRequests(): boolean {
  return CHANNELS.request.hasSubscribers || CHANNELS.page.hasSubscribers
}

/** Publishes what `make` returns. Node reports what a subscriber throws as an uncaught exception, and does not throw it here. */
export function publish<Name extends keyof Messages>(name: Name, make: () => Messages[Name]): void {
  if (CHANNELS[name].hasSubscribers) CHANNELS[name].publish(make())
}
