// Who keeps whom out: the host idle, reading or writing, and the reverse.

import { Worker } from 'node:worker_threads'
import { COUNT, check, insert, isBusy, same } from './parties.mjs'

async function staysOut(party, text) {
  check(await isBusy(() => party.exec('BEGIN IMMEDIATE')), `${text} got in`)
}

// The host has it open and does nothing; we open, read and close; then everybody writes.
export async function idle(rig) {
  const host = rig.host()
  const outsider = await rig.outsider()
  host.exec(insert('host'))
  let rows = 1
  for (let turn = 0; turn < 3; turn++) {
    const ours = rig.ours()
    same(ours.int(COUNT), rows, 'rows that we see')
    ours.close()
    rig.filesStand()
    host.exec(insert('host'))
    await outsider.exec(insert('outsider'))
    rows += 2
    same(host.int(COUNT), rows, 'rows that the host sees')
    same(await outsider.int(COUNT), rows, 'rows that the outsider sees')
    rig.filesStand()
  }
  host.close()
  await outsider.close()
  await rig.sound(rows)
}

// Under a reader an outsider cannot change what that reader sees.
async function changesNothing(rig, outsider, whose) {
  if (rig.wal) {
    await outsider.exec(insert('outsider'))
    const busy = await outsider.int('PRAGMA wal_checkpoint(TRUNCATE)')
    check(busy === 1, `an outsider emptied the WAL under ${whose} read transaction`)
    return 1
  }
  await outsider.exec('BEGIN IMMEDIATE')
  await outsider.exec(insert('outsider'))
  check(await isBusy(() => outsider.exec('COMMIT')), `an outsider committed under ${whose} read transaction`)
  await outsider.exec('ROLLBACK')
  return 0
}

// A reader keeps what it sees, whatever the other copy in its process opens and closes.
export async function reading(rig) {
  const host = rig.host()
  const outsider = await rig.outsider()
  host.exec(insert('host'))
  let rows = 1
  for (let turn = 0; turn < 2; turn++) {
    host.exec('BEGIN')
    let seen = host.int(COUNT)
    let ours = rig.ours()
    same(ours.int(COUNT), rows, 'rows that we see')
    ours.close()
    rows += await changesNothing(rig, outsider, "the host's")
    same(host.int(COUNT), seen, "rows that the host's transaction sees")
    host.exec('COMMIT')

    ours = rig.ours()
    ours.exec('BEGIN')
    seen = ours.int(COUNT)
    const second = rig.host()
    same(second.int(COUNT), rows, 'rows that the host sees')
    second.close()
    rows += await changesNothing(rig, outsider, 'our')
    same(ours.int(COUNT), seen, 'rows that our transaction sees')
    ours.exec('COMMIT')
    ours.close()
  }
  host.close()
  await outsider.close()
  await rig.sound(rows)
}

const KINDS = ['IMMEDIATE', 'EXCLUSIVE', 'IMMEDIATE']

// The host in a write transaction: we wait or say busy, and nobody gets in before or after we close.
export async function host_writes(rig) {
  const host = rig.host()
  const outsider = await rig.outsider()
  const kept = rig.ours()
  let rows = 0
  for (const kind of KINDS) {
    const visible = rig.wal || kind === 'IMMEDIATE'
    host.exec(`BEGIN ${kind}`)
    host.exec(insert('host'))
    await staysOut(outsider, 'an outsider, before we opened,')
    for (let turn = 0; turn < 2; turn++) {
      let ours
      const refused = await isBusy(() => (ours = rig.ours()))
      check(refused !== visible, refused ? 'we could not even read' : 'we could read under an exclusive lock')
      if (ours) {
        same(ours.int(COUNT), rows, 'rows that we see of an open transaction')
        await staysOut(ours, 'ours')
        ours.close()
      }
      await staysOut(kept, 'our other connection')
      await staysOut(outsider, 'an outsider, after we closed,')
      rig.filesStand()
    }
    host.exec(insert('host'))
    host.exec('COMMIT')
    kept.exec(insert('ours'))
    await outsider.exec(insert('outsider'))
    rows += 4
    same(kept.int(COUNT), rows, 'rows that we see')
    same(host.int(COUNT), rows, 'rows that the host sees')
  }
  rows += await waits(rig, host)
  kept.close()
  host.close()
  await outsider.close()
  await rig.sound(rows)
}

// With a long lock wait we get in when the host is done, and not before.
async function waits(rig, host) {
  host.exec('BEGIN IMMEDIATE')
  host.exec(insert('host'))
  let gotIn = false
  const worker = new Worker(new URL('writer.mjs', import.meta.url), {
    workerData: { library: rig.library, path: rig.path, once: insert('ours') },
  })
  const ended = new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
  ended.then(
    () => (gotIn = true),
    () => {},
  )
  await new Promise((resolve) => setTimeout(resolve, 500))
  check(!gotIn, 'we did not wait for the host')
  host.exec(insert('host'))
  host.exec('COMMIT')
  const { failure } = await ended
  check(!failure, `we waited in vain: ${failure}`)
  return 3
}

// Ours in a write transaction: the host opens another connection, reads, closes it; all stay out.
export async function we_write(rig) {
  const host = rig.host()
  const outsider = await rig.outsider()
  const ours = rig.ours()
  let rows = 0
  for (const kind of KINDS) {
    const visible = rig.wal || kind === 'IMMEDIATE'
    ours.exec(`BEGIN ${kind}`)
    ours.exec(insert('ours'))
    for (let turn = 0; turn < 2; turn++) {
      const second = rig.host()
      const refused = await isBusy(() => same(second.int(COUNT), rows, 'rows that the host sees'))
      check(refused !== visible, `the host's reading was ${refused ? 'refused' : 'let in'}`)
      await staysOut(second, 'the host')
      second.close()
      await staysOut(host, "the host's other connection")
      await staysOut(outsider, 'an outsider')
      if (visible) {
        const third = rig.ours()
        same(third.int(COUNT), rows, 'rows that our other connection sees')
        await staysOut(third, 'another of ours')
        third.close()
        await staysOut(outsider, 'an outsider, after our other connection closed,')
      }
      rig.filesStand()
    }
    ours.exec(insert('ours'))
    ours.exec('COMMIT')
    host.exec(insert('host'))
    await outsider.exec(insert('outsider'))
    rows += 4
    same(ours.int(COUNT), rows, 'rows that we see')
    same(host.int(COUNT), rows, 'rows that the host sees')
  }
  ours.close()
  host.close()
  await outsider.close()
  await rig.sound(rows)
}
