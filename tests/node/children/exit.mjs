// Hosts that end while a sync is under way, each in its own manner: node exit.mjs MANNER
//
// Tells `syncing` once a sync was begun, waits for a line on stdin where the test has to say when, and tells `now` at
// the moment it wants to be gone.

import { readSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

import { BackgroundSyncService, Database, startBackgroundSync, SyncConfigRepository, SyncEngine } from '@skillsmith/sync'

import { tell } from './tell.mjs'

/** Waits for the test; stdin keeps the process alive until then, and no longer. */
const word = () =>
  new Promise((resolve) => {
    process.stdin.once('data', () => {
      process.stdin.destroy()
      resolve()
    })
  })

/** The same, but the event loop stands still. */
const wordWithoutYielding = () => readSync(0, Buffer.alloc(100))

function background(options) {
  const sync = startBackgroundSync(options)
  tell('syncing', sync.service.isSyncRunning())
  return sync
}

function exit() {
  tell('now')
  process.exit(7)
}

/** A registry of the host's with endless pages; `search` decides what becomes of the third one. */
function host(search) {
  let page = 0
  return {
    isOffline: () => false,
    checkHealth: () => ({ status: 'healthy' }),
    search: ({ limit, offset }) => {
      page += 1
      const rows = () => Array.from({ length: limit }, (_, i) => ({ id: `skill-${offset + i}`, name: `Skill ${offset + i}` }))
      return page < 3 ? { data: rows(), meta: { total: 100_000, limit } } : search(rows)
    },
  }
}

/** A host that has other things to do for a minute, and stops its service in a callback. */
async function stopWithin(options) {
  await new Promise((resolve) => {
    const busy = setTimeout(() => {}, 60_000)
    const { service, stop } = background(
      options(() => {
        tell('now')
        void stop().then(() => {
          tell('stopped', service.getState().isRunning)
          clearTimeout(busy)
          resolve()
        })
      }),
    )
  })
}

const manners = {
  async exit() {
    background()
    await word()
    exit()
  },
  async exitWhileAwaiting() {
    const engine = new SyncEngine()
    tell('syncing')
    word().then(exit)
    await engine.sync()
  },
  exitWithoutYielding() {
    background()
    wordWithoutYielding()
    exit()
  },
  exitAtOnce() {
    background()
    exit()
  },
  async exitAtRandom(delay) {
    background()
    await sleep(Number(delay))
    exit()
  },
  async exitInProgress() {
    tell('syncing')
    await new SyncEngine().sync({ onProgress: ({ skillsProcessed }) => skillsProcessed > 0 && exit() })
  },
  async exitInSearch() {
    await new SyncEngine({ apiClient: host(exit) }).sync()
  },
  async exitWhileSearchIsPending() {
    tell('syncing')
    const pending = new Promise(() => setTimeout(() => {}, 60_000))
    await new SyncEngine({ apiClient: host(() => (setTimeout(exit, 50), pending)) }).sync()
  },
  async exitInOnSyncComplete() {
    const { service } = background({ onSyncComplete: exit })
    await word()
    await service.stop()
  },
  async exitAfterAborting() {
    const abort = new AbortController()
    const running = new SyncEngine().sync({ signal: abort.signal })
    tell('syncing')
    await word()
    abort.abort()
    void running
    exit()
  },
  async exitWithHandlers() {
    const database = new Database()
    const { engine, service, stop } = background({ db: database })
    process.on('exit', () => {
      void stop()
      void service.manualSync().catch(() => {})
      void engine.sync().catch(() => {})
      database.close()
    })
    await word()
    exit()
  },
  async signal() {
    // No handlers: what a host has that uses the classes and not startBackgroundSync.
    const database = new Database()
    const configRepo = new SyncConfigRepository(database)
    const service = new BackgroundSyncService(new SyncEngine({ db: database }), configRepo)
    service.start()
    tell('syncing', service.isSyncRunning())
    await word()
  },
  async throws() {
    background()
    await word()
    setTimeout(() => {
      tell('now')
      throw new Error('a bug of the host')
    })
  },
  async rejects() {
    background()
    await word()
    tell('now')
    void Promise.reject(new Error('a bug of the host'))
  },
  async throwsInProgress() {
    // Ends the run, not the process.
    const { success, errors } = await new SyncEngine().sync({
      onProgress: ({ skillsProcessed }) => {
        if (skillsProcessed > 0) throw new Error('a bug of the callback')
      },
    })
    tell('result', { success, errors })
  },
  async ends() {
    background()
    await word()
    tell('now')
  },
  async endsSpied() {
    // A host that has put its own sync in the place of ours, as spies do.
    const database = new Database()
    const engine = new SyncEngine({ db: database })
    const { sync } = engine
    engine.sync = (options) => sync.call(engine, options)
    const service = new BackgroundSyncService(engine, new SyncConfigRepository(database))
    service.start()
    tell('syncing', service.isSyncRunning())
    await word()
    tell('now')
  },
  endsAtOnce() {
    background()
    tell('now')
  },
  async sync() {
    tell('syncing')
    const { success, skillsAdded } = await new SyncEngine().sync()
    tell('result', { success, skillsAdded })
  },
  async manualSync() {
    const database = new Database()
    const service = new BackgroundSyncService(new SyncEngine({ db: database }), new SyncConfigRepository(database))
    tell('syncing')
    const { success, skillsAdded } = await service.manualSync()
    tell('result', { success, skillsAdded })
  },
  async stop() {
    const { service } = background()
    await word()
    tell('now')
    await service.stop()
    tell('stopped', service.getState().isRunning)
  },
  async stopTwice() {
    const { service, stop } = background()
    await word()
    tell('now')
    await Promise.all([service.stop(), stop()])
    await stop()
    tell('stopped', service.getState().isRunning)
  },
  async stopAtOnce() {
    const { service, stop } = background()
    tell('now')
    await stop()
    tell('stopped', service.getState().isRunning)
  },
  stopInOnSyncComplete: () => stopWithin((stopNow) => ({ onSyncComplete: stopNow })),
  stopInOnSyncError: () =>
    stopWithin((stopNow) => ({ apiClient: { ...host(), checkHealth: () => ({ status: 'unhealthy' }) }, onSyncError: stopNow })),
  stopInSearch: () =>
    stopWithin((stopNow) => ({
      apiClient: host((rows) => {
        stopNow()
        return { data: rows() }
      }),
    })),
  stopInCheckHealth: () =>
    stopWithin((stopNow) => ({
      apiClient: {
        ...host(),
        checkHealth: () => {
          stopNow()
          return { status: 'healthy' }
        },
      },
    })),
  async stopWhileOfflineIsAsked() {
    // The service is told whether the host is offline; its run never gets an answer.
    let asked = 0
    const { service, stop } = background({ apiClient: { ...host(), isOffline: () => asked++ > 0 && new Promise(() => {}) } })
    await sleep(100)
    tell('now')
    await stop()
    tell('stopped', service.getState().isRunning)
  },
  async stopWhileTheCheckIsPending() {
    const { service, stop } = background({ apiClient: { ...host(), isOffline: () => new Promise(() => {}) } })
    await sleep(100)
    tell('now')
    await stop()
    tell('stopped', service.getState().isRunning)
  },
  endsWhileTheCheckIsPending() {
    background({ apiClient: { ...host(), isOffline: () => new Promise(() => {}) } })
    tell('now')
  },
  async stopWhileSearchIsPending() {
    const { service, stop } = background({ apiClient: host(() => new Promise(() => {})) })
    await sleep(500)
    tell('now')
    await stop()
    tell('stopped', service.getState().isRunning)
  },
  async garbage() {
    // Nothing of the host's holds on to the sync.
    const ended = new Promise((onSyncComplete) => background({ onSyncComplete }))
    const collecting = setInterval(globalThis.gc, 20)
    const { success, skillsAdded } = await ended
    clearInterval(collecting)
    tell('result', { success, skillsAdded })
  },
}

await manners[process.argv[2]](...process.argv.slice(3))
