// Hosts with workers: node workers.mjs MANNER. Their main thread never loads the package, unless it says so.

import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'

import { tell } from './tell.mjs'

const KINDS = ['worker.cjs', 'worker.mjs']

function start(deed, { kind = KINDS[0], ...options } = {}) {
  return new Worker(new URL(kind, import.meta.url), { workerData: { deed }, ...options })
}

/** What it posts, and how it exits. */
async function outcome(worker) {
  const posted = []
  worker.on('message', (message) => posted.push(message))
  let error
  worker.on('error', (thrown) => (error = thrown.message))
  const code = await new Promise((resolve) => worker.on('exit', resolve))
  return { posted, code, ...(error && { error }) }
}

/** It has posted that. */
const posts = async (worker, wanted) => {
  for (;;) {
    const [message] = await once(worker, 'message')
    if (message === wanted) return
  }
}

const manners = {
  async load(count) {
    const workers = Array.from({ length: Number(count) }, (_, i) => start('version', { kind: KINDS[i % 2] }))
    tell('outcomes', await Promise.all(workers.map(outcome)))
  },
  async sync(count) {
    const workers = Array.from({ length: Number(count) }, (_, i) => start('sync', { kind: KINDS[i % 2] }))
    tell('outcomes', await Promise.all(workers.map(outcome)))
  },
  async ownEnvironment(path) {
    const env = { ...process.env, SKILLSMITH_DB_PATH: path }
    delete process.env.SKILLSMITH_DB_PATH
    tell('outcomes', [await outcome(start('sync', { env }))])
  },
  async offlineEnvironment() {
    const env = { ...process.env, SKILLSMITH_OFFLINE_MODE: 'true' }
    tell('outcomes', [await outcome(start('sync', { env }))])
  },
  /** Terminates workers at random moments of their syncs, one after the other or a few at a time. */
  async terminate(deed, rounds, atOnce, span) {
    for (let round = 0; round < Number(rounds); round++) {
      await Promise.all(
        Array.from({ length: Number(atOnce) }, async (_, i) => {
          const worker = start(deed, { kind: KINDS[(round + i) % 2] })
          const gone = outcome(worker)
          await posts(worker, 'syncing')
          await sleep(Math.random() * Number(span))
          const since = performance.now()
          await worker.terminate()
          tell('terminated', Math.round(performance.now() - since), (await gone).error ?? '')
        }),
      )
    }
    // What is left of them may still be ending.
    await sleep(300)
    const { SyncEngine } = await import('@skillsmith/sync')
    const { success, errors } = await new SyncEngine().sync()
    tell('result', { success, errors })
  },
  /** The library goes with the last environment that loaded it, if it lets itself be unloaded. */
  async only(deed) {
    const worker = start(deed)
    const gone = outcome(worker)
    await posts(worker, 'progress')
    await worker.terminate()
    await gone
    tell('terminated')
    await sleep(500)
    globalThis.gc?.()
  },
  async background() {
    const worker = start('background')
    const gone = outcome(worker)
    await posts(worker, 'syncing')
    process.stdin.once('data', () => {
      process.stdin.destroy()
      tell('now')
      worker.postMessage('stop')
    })
    const { posted } = await gone
    tell('outcomes', posted)
  },
  async leave() {
    tell('outcomes', [await outcome(start('leave'))])
  },
  async failing(deed) {
    tell('outcomes', [await outcome(start(deed))])
  },
  async exit() {
    const workers = Array.from({ length: 4 }, (_, i) => start(i % 2 ? 'syncTold' : 'syncHanging', { kind: KINDS[i % 2] }))
    // One of them has the lock by then.
    await Promise.any(workers.map((worker) => posts(worker, 'progress')))
    await sleep(100)
    tell('now')
    process.exit(7)
  },
  async exitAtRandom(span) {
    const workers = Array.from({ length: 3 }, (_, i) => start('syncTold', { kind: KINDS[i % 2] }))
    await Promise.all(workers.map((worker) => posts(worker, 'syncing')))
    await sleep(Math.random() * Number(span))
    tell('now')
    process.exit(7)
  },
}

await manners[process.argv[2]](...process.argv.slice(3))
