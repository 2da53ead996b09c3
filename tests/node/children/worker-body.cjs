// What workers do, whichever way they have loaded the package.

const { parentPort, workerData } = require('node:worker_threads')

/** A registry of the host's whose second page never comes. */
const hanging = {
  isOffline: () => false,
  checkHealth: async () => ({ status: 'healthy' }),
  search: ({ limit, offset }) => {
    if (offset > 0) return new Promise(() => setInterval(() => {}, 60_000))
    return { data: Array.from({ length: limit }, (_, i) => ({ id: `host-${i}`, name: `Host ${i}` })), meta: { total: 10_000 } }
  },
}

const deeds = {
  version: ({ version }) => version,
  async sync({ Database, SyncEngine }) {
    // Everything from the environment, which may be the worker's own.
    const database = new Database()
    const { success, errors, skillsAdded } = await new SyncEngine({ db: database }).sync()
    database.close()
    return { name: database.name, success, errors, skillsAdded }
  },
  async syncHanging({ SyncEngine }) {
    parentPort.postMessage('syncing')
    await new SyncEngine({ apiClient: hanging }).sync({ onProgress: () => parentPort.postMessage('progress') })
  },
  async syncTold({ SyncEngine }) {
    parentPort.postMessage('syncing')
    await new SyncEngine().sync({ onProgress: () => parentPort.postMessage('progress') })
  },
  async background({ startBackgroundSync }) {
    const { service } = startBackgroundSync()
    parentPort.postMessage('syncing')
    // Keeps the worker alive, but not the service.
    parentPort.on('message', async () => {
      await service.stop()
      parentPort.postMessage({ stopped: service.getState() })
      parentPort.close()
    })
  },
  leave({ startBackgroundSync }) {
    startBackgroundSync()
  },
  async throws({ SyncEngine }) {
    void new SyncEngine().sync()
    throw new Error('a bug of the worker')
  },
  exits({ SyncEngine }) {
    void new SyncEngine().sync()
    process.exit(3)
  },
}

exports.work = async (sync) => {
  const answer = await deeds[workerData.deed](sync)
  if (answer !== undefined) parentPort.postMessage(answer)
}
