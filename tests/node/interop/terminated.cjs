// A worker that is terminated while its sync waits for the host's registry, and the sync of the main thread after it.
//
// Usage: terminated.cjs PATH
const { isMainThread, parentPort, Worker, workerData } = require('node:worker_threads')
const { SyncEngine } = require('../../../npm')

const registry = (search) => ({ isOffline: () => false, checkHealth: () => ({ status: 'healthy' }), search })

async function main() {
  const path = process.argv.at(-1)
  const worker = new Worker(__filename, { workerData: path })
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
  const engine = new SyncEngine({ db: path, apiClient: registry(() => ({ data: [] })) })
  const before = await engine.sync()
  await worker.terminate()
  // Its run would go on for half an hour; how long its end takes depends on the runtime.
  let after
  for (let tries = 0; tries < 100; tries++) {
    after = await engine.sync()
    if (after.success) break
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  console.log(JSON.stringify([before.errors, after.errors]))
  process.exit()
}

function hang() {
  const search = () => {
    parentPort.postMessage('asked')
    return new Promise(() => {})
  }
  void new SyncEngine({ db: workerData, apiClient: registry(search) }).sync()
}

if (isMainThread) main()
else hang()
