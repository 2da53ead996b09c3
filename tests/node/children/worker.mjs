// A worker that imports the package as a module does, and does as workerData says.

import { createRequire } from 'node:module'

import * as sync from '@skillsmith/sync'

createRequire(import.meta.url)('./worker-body.cjs').work(sync)
