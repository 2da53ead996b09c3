// A host that has the database open and goes on writing to it, until its standard input ends.
//
// Usage: node writer.mjs PATH
// Prints "writing" after its first writes, and at the end one line of JSON: how many writes succeeded, the errors of
// the others, and how long the slowest one took.
import { performance } from 'node:perf_hooks'
import * as stack from './stack.mjs'

const database = stack.openDatabase(process.argv[2])
const config = new stack.SyncConfigRepository(database)
const cache = new stack.CacheRepository(database)
const skills = new stack.SkillRepository(database)
const history = new stack.SyncHistoryRepository(database)
let ended = false
process.stdin.on('end', () => (ended = true)).resume()

let round = 0
let slowest = 0
let reads = 0
const errors = []
const attempt = (write) => {
  const start = performance.now()
  try {
    write()
  } catch (error) {
    errors.push(String(error?.message ?? error))
  }
  slowest = Math.max(slowest, performance.now() - start)
}
while (!ended) {
  round++
  attempt(() => config.setLastSyncError(`from the host, ${round}`))
  attempt(() => cache.set(`round ${round}`, { round }, 3600))
  attempt(() => config.clearError())
  attempt(() => {
    skills.count()
    skills.findAll({ limit: 20, offset: round })
    history.getHistory(3)
    reads++
  })
  if (round === 3) console.log('writing')
  await new Promise((resolve) => setTimeout(resolve, 2))
}
stack.closeDatabase(database)
console.log(JSON.stringify({ rounds: round, reads, errors, slowestMs: Math.round(slowest) }))
