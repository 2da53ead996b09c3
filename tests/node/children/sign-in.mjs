// Hosts whose token is refused during a sync, and that give no other one in time: node sign-in.mjs WHOSE MANNER
//
// WHOSE is `provider` or `stack`: a token provider, or a client of the TypeScript stack, which refreshes its token in `search`.
// Tells `asked` once a fresh token is asked for.

import { Database, SkillsmithApiClient, startBackgroundSync, SyncEngine } from '@skillsmith/sync'

import { tell } from './tell.mjs'

const [whose, manner] = process.argv.slice(2)

let settle
const isAsked = new Promise((resolve) => {
  settle = { asked: resolve }
})
const ask = () => {
  tell('asked')
  settle.asked()
  return new Promise((resolve, reject) => Object.assign(settle, { resolve, reject }))
}

const apiClient = {
  provider: () => new SkillsmithApiClient({ token: ({ refused }) => (refused ? ask() : 'one') }),
  stack: () => ({ baseUrl: process.env.SKILLSMITH_API_URL, jwtToken: 'one', offlineMode: false, search: ask }),
}[whose]()

/** The run is over before the answer comes. */
async function late(answer) {
  const abort = new AbortController()
  const running = new SyncEngine({ db: new Database(), apiClient }).sync({ signal: abort.signal })
  await isAsked
  abort.abort()
  tell('result', (await running).errors)
  answer()
}

/** A background sync keeps no process alive: the host has other things to do until it is asked. */
async function background(options) {
  const alive = setInterval(() => {}, 60_000)
  const sync = startBackgroundSync({ apiClient, ...options })
  await isAsked
  clearInterval(alive)
  tell('now')
  return sync
}

const manners = {
  ends: () => background(),
  async exit() {
    await background()
    process.exit(7)
  },
  async stop() {
    const { stop, service } = await background({ onSyncError: ({ code }) => tell('code', code) })
    await stop()
    tell('stopped', service.getState().isRunning)
  },
  async awaits() {
    const { errors } = await new SyncEngine({ db: new Database(), apiClient }).sync({ deadlineMs: 700 })
    tell('result', errors)
  },
  lateToken: () => late(() => settle.resolve('two')),
  lateError: () => late(() => settle.reject(new Error('too late'))),
}

await manners[manner]()
