// Everybody writes at once: the host, two connections of ours in worker threads, and another process.

import { Worker } from 'node:worker_threads'
import { check, same } from './parties.mjs'
import { write } from './writer.mjs'

function startWorker(rig, name, reopen, marks) {
  const { library, path, seconds } = rig
  const worker = new Worker(new URL('writer.mjs', import.meta.url), {
    workerData: { library, path, seconds, name, reopen, marks },
  })
  return new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
}

function hostWrites(rig, reopen, marks) {
  return write({ name: 'host', reopen, seconds: rig.seconds, marks, open: () => rig.host(10_000) })
}

async function together(rig, reopen) {
  const outsider = await rig.outsider(10_000)
  const workers = ['ours-1', 'ours-2'].map((name) => startWorker(rig, name, reopen[name]))
  const outside = outsider.order(`write outsider ${rig.seconds} ${reopen.outsider} ${rig.path}`)
  outside.catch(() => {})
  // Workers start by way of this thread's event loop, which the host's writing would block.
  await new Promise((resolve) => setTimeout(resolve, 300))
  const host = hostWrites(rig, reopen.host)
  const [first, second] = await Promise.all(workers)
  for (const { failure } of [first, second]) check(!failure, failure)
  const commits = {
    host,
    'ours-1': first.commits,
    'ours-2': second.commits,
    outsider: Number(await outside),
  }
  await outsider.close()
  const fresh = await rig.outsider(5000)
  let total = 0
  for (const [name, count] of Object.entries(commits)) {
    same(await fresh.int(`SELECT n FROM counter WHERE name = '${name}'`), count, `updates of ${name}`)
    same(await fresh.int(`SELECT count(*) FROM entry WHERE writer = '${name}'`), count, `rows of ${name}`)
    check(count > 0, `${name} never got its turn`)
    total += count
  }
  same(await fresh.int("SELECT n FROM counter WHERE name = 'all'"), total, 'updates of all')
  await fresh.close()
  await rig.sound(total)
  console.log(JSON.stringify(commits))
}

// The host and one of ours stay, the other of ours comes and goes.
export async function load(rig) {
  await together(rig, { host: 0, 'ours-1': 0, 'ours-2': 10, outsider: 0 })
}

// Everybody comes and goes, so that -wal and -shm are taken away and made anew.
export async function churn(rig) {
  await together(rig, { host: 2, 'ours-1': 1, 'ours-2': 3, outsider: 2 })
}

// Writes until it is killed, with one byte in `acknowledged-NAME` for every commit.
export async function victim(rig) {
  const marks = (name) => `${rig.folder}/acknowledged-${name}`
  const workers = [startWorker(rig, 'ours-1', 0, marks('ours-1')), startWorker(rig, 'ours-2', 7, marks('ours-2'))]
  await new Promise((resolve) => setTimeout(resolve, 200))
  console.log('ready')
  hostWrites(rig, 0, marks('host'))
  for (const { failure } of await Promise.all(workers)) check(!failure, failure)
}
