// Hosts that startBackgroundSync looks after, and their ways with signals: node signals.mjs MANNER
//
// Tells `syncing` once its sync is under way, `handled` whenever a handler of its own is called, and lives until
// somebody ends it.

import { startBackgroundSync } from '@skillsmith/sync'

import { tell } from './tell.mjs'

const SIGNALS = ['SIGTERM', 'SIGINT']
/** Everything but us keeps a host alive. */
const busy = setInterval(() => {}, 60_000)

function background(options) {
  const sync = startBackgroundSync(options)
  tell('syncing', sync.service.isSyncRunning())
  return sync
}

const listeners = () => SIGNALS.map((signal) => process.listenerCount(signal))

/** Closes what it has, which takes a moment, and ends in its own way. */
const tidyUp = (signal) => {
  tell('handled', signal)
  setTimeout(() => process.exit(42), 400)
}

/** What packages do that tidy up at the end of a process: they end it unless somebody else listens too. */
const tidyUpLikeSignalExit = (signal) => {
  if (process.listenerCount(signal) > 1) return
  tell('handled', signal)
  process.off(signal, tidyUpLikeSignalExit)
  process.kill(process.pid, signal)
}

const manners = {
  none: () => background(),
  before() {
    for (const signal of SIGNALS) process.on(signal, tidyUp)
    background()
  },
  after() {
    background()
    for (const signal of SIGNALS) process.on(signal, tidyUp)
  },
  onceBefore() {
    for (const signal of SIGNALS) process.once(signal, tidyUp)
    background()
  },
  onceAfter() {
    background()
    for (const signal of SIGNALS) process.once(signal, tidyUp)
  },
  signalExitBefore() {
    for (const signal of SIGNALS) process.on(signal, tidyUpLikeSignalExit)
    background()
  },
  signalExitAfter() {
    background()
    for (const signal of SIGNALS) process.on(signal, tidyUpLikeSignalExit)
  },
  exitAtOnce() {
    for (const signal of SIGNALS) process.on(signal, () => process.exit(42))
    background()
  },
  ignores() {
    // A host that has a prompt, say, and does not end by Ctrl-C.
    const { service } = background()
    process.on('SIGINT', () => {
      tell('handled', 'SIGINT')
      setTimeout(() => tell('running', service.isSyncRunning()), 500)
    })
  },
  stopHangs() {
    // The service is told, and its run waits for ever.
    let asked = 0
    const isOffline = () => asked++ > 0 && new Promise(() => {})
    background({ apiClient: { isOffline, checkHealth() {}, search() {} } })
  },
  checkHangs() {
    background({ apiClient: { isOffline: () => new Promise(() => {}), checkHealth() {}, search() {} } })
  },
  many() {
    for (let i = 0; i < 20; i++) background({ db: `${process.env.SKILLSMITH_DB_PATH}.${i}` })
    tell('listeners', listeners())
  },
  async stops() {
    const before = listeners()
    const first = background()
    const second = startBackgroundSync()
    const during = listeners()
    await first.stop()
    const between = listeners()
    await second.stop()
    await second.stop()
    tell('listeners', { before, during, between, after: listeners() })
  },
  disabled() {
    const { configRepo, stop } = startBackgroundSync()
    void stop()
    configRepo.disable()
    const before = listeners()
    startBackgroundSync()
    tell('listeners', { before, after: listeners() })
    clearInterval(busy)
  },
}

await manners[process.argv[2]]()
