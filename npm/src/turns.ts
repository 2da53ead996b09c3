// The turn after this one of the event loop.
//
// Not the global function: test runners replace that by a clock that stands still, and jsdom has none.

import { setImmediate } from 'node:timers'

export const afterThisTurn = setImmediate
