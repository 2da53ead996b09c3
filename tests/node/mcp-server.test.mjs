// The example MCP server, as its clients meet it.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'

import { ROOT, until } from './support/index.mjs'
import { AT_ONCE_MS, Place, Program } from './support/processes.mjs'

const SERVER = join(ROOT, 'tests/node/mcp-server/server.mjs')
const SKILLS = 20_000

/** The server behind the SDK's own client. */
async function connect(t, place, env) {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [SERVER],
    env: place.environment(env),
    stderr: 'pipe',
  })
  let stderr = ''
  transport.stderr.on('data', (text) => (stderr += text))
  const errors = []
  const client = new Client({ name: 'test', version: '1.0.0' })
  client.onerror = (error) => errors.push(error.message)
  await client.connect(transport)
  t.after(() => client.close())
  return {
    client,
    pid: transport.pid,
    search: async (query, limit) => {
      const { content, isError } = await client.callTool({ name: 'search_skills', arguments: { query, ...(limit && { limit }) } })
      assert.ok(!isError, content[0].text)
      return JSON.parse(content[0].text)
    },
    assertQuiet: () => assert.deepEqual({ stderr, errors }, { stderr: '', errors: [] }),
  }
}

/** The server without a client, to see its bytes. */
function spawn(place, env) {
  const program = new Program(process.execPath, [SERVER], { env: place.environment(env) })
  const ask = (id, method, params) => program.say(JSON.stringify({ jsonrpc: '2.0', id, method, params }))
  ask(0, 'initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1.0.0' } })
  program.say(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' }))
  return { program, call: (id, query) => ask(id, 'tools/call', { name: 'search_skills', arguments: { query } }) }
}

/** Every byte of it is JSON-RPC; resolves to what was answered, by id. */
function answers(stdout) {
  assert.ok(stdout.endsWith('\n'), 'its last line is whole')
  const messages = stdout
    .slice(0, -1)
    .split('\n')
    .map((line) => JSON.parse(line))
  for (const message of messages) assert.equal(message.jsonrpc, '2.0')
  return new Map(messages.map(({ id, result }) => [id, result]))
}

const syncedIn = (place) => until(() => place.runs()[0]?.status === 'success', 'the sync', 60_000)

test('it answers every call while 20,000 skills arrive, and has them all in the end', async (t) => {
  const place = await Place.of(SKILLS, { delay_ms: 10 })
  const { client, search, assertQuiet } = await connect(t, place)
  const { tools } = await client.listTools()
  assert.deepEqual(
    tools.map(({ name }) => name),
    ['search_skills'],
  )

  const counts = []
  let slowest = 0
  while (place.runs()[0]?.status !== 'success') {
    const since = performance.now()
    counts.push((await search('terraform', 100)).length)
    slowest = Math.max(slowest, performance.now() - since)
    await sleep(5)
  }
  t.diagnostic(`${counts.length} calls beside the sync, the slowest answered after ${Math.round(slowest)} ms`)
  assert.ok(counts.length > 20, `${counts.length} calls`)
  assert.ok(counts[0] < 100 && counts.at(-1) === 100, `from ${counts[0]} to ${counts.at(-1)}`)

  // Its author's name is a skill's own but for a few.
  const skills = await place.registry.get('skills')
  for (const skill of skills.filter((_, i) => i % 100 === 0)) {
    const found = await search(`${skill.name} ${skill.author}`, 100)
    const own = found.find(({ id }) => id === skill.id)
    assert.deepEqual(own, {
      id: skill.id,
      name: skill.name,
      description: skill.description ?? null,
      url: skill.repo_url ?? null,
      trust: skill.trust_tier,
    })
  }
  assertQuiet()
  assert.deepEqual(place.runs(), [{ status: 'success', error: null }])
  place.assertSound()
  await place.assertComplete()
})

test('its stdout is JSON-RPC and nothing else, though syncs fail and succeed beside it', async () => {
  for (const [options, error] of [
    [{ delay_ms: 2 }, null],
    [{ health: 'unhealthy' }, 'API is unhealthy. Try again later.'],
    [{ forbidden: 'Not with this plan.' }, /Not with this plan/],
  ]) {
    const place = await Place.of(5_000, options)
    const { program, call } = spawn(place)
    await until(() => program.stdout.includes('\n'), 'the first answer')
    const settled = () => ['success', 'failed'].includes(place.runs()[0]?.status)
    let calls = 0
    while (calls < 20 || !settled()) {
      call((calls += 1), 'docker')
      await sleep(5)
    }
    await until(() => program.stdout.includes(`"id":${calls}}`), 'the last answer')
    program.child.stdin.end()
    const { code, stdout, stderr } = await program.end()
    assert.equal(code, 0)
    const answered = answers(stdout)
    assert.equal(answered.size, calls + 1)
    for (let id = 1; id <= calls; id++) assert.ok(Array.isArray(JSON.parse(answered.get(id).content[0].text)), `call ${id}`)
    if (error === null) assert.equal(stderr, '')
    else {
      // One line, for the host's log.
      assert.match(stderr, /^\[skillsmith-sync\] [^\n]+\n$/)
      assert.match(stderr, error instanceof RegExp ? error : new RegExp(error))
    }
  }
})

for (const [name, value] of [
  ['SKILLSMITH_BACKGROUND_SYNC', 'false'],
  ['SKILLSMITH_OFFLINE_MODE', 'true'],
]) {
  test(`${name}=${value}: it answers, and asks the registry for nothing`, async (t) => {
    const place = await Place.of(100)
    const { search, assertQuiet } = await connect(t, place, { [name]: value })
    assert.deepEqual(await search('docker'), [])
    await sleep(500)
    assert.deepEqual(await search('docker'), [])
    assert.deepEqual(await place.registry.get('requests'), [])
    assert.deepEqual(place.runs(), [])
    assertQuiet()
  })
}

test('automatic syncing disabled in the configuration: no sync', async (t) => {
  const place = await Place.of(100)
  const first = await connect(t, place)
  await syncedIn(place)
  await first.client.close()
  place.look((database) => database.exec("UPDATE sync_config SET enabled = 0, last_sync_at = NULL WHERE id = 'default'"))
  const asked = (await place.registry.get('requests')).length
  const second = await connect(t, place)
  await second.search('docker')
  await sleep(500)
  assert.equal((await place.registry.get('requests')).length, asked)
})

test('a sync that is not due is not done', async (t) => {
  const place = await Place.of(100)
  const first = await connect(t, place)
  await syncedIn(place)
  await first.client.close()
  const second = await connect(t, place)
  await second.search('docker')
  await sleep(500)
  assert.equal(place.runs().length, 1)
})

test('promise 6: two servers at once, one sync', async (t) => {
  const place = await Place.of(3_000, { delay_ms: 30 })
  const servers = await Promise.all([connect(t, place), connect(t, place)])
  await syncedIn(place)
  for (const { search } of servers) assert.ok((await search('docker')).length > 0)
  assert.deepEqual(place.runs(), [{ status: 'success', error: null }])
  await place.assertComplete()
})

/** A server whose sync hangs. */
async function hanging() {
  const place = await Place.of(2_000)
  await place.stallFrom(6)
  const { program, call } = spawn(place)
  await place.stalled(program)
  call(1, 'docker')
  await until(() => program.stdout.includes('"id":1}'), 'the answer')
  return { place, program }
}

for (const [what, how, expected] of [
  ['its client closes stdin', ({ child }) => child.stdin.end(), { code: 0, signal: null }],
  ['SIGTERM', ({ child }) => child.kill('SIGTERM'), { code: null, signal: 'SIGTERM' }],
  ['SIGINT', ({ child }) => child.kill('SIGINT'), { code: null, signal: 'SIGINT' }],
  ['SIGKILL', ({ child }) => child.kill('SIGKILL'), { code: null, signal: 'SIGKILL' }],
]) {
  test(`promise 14: ${what} ends it during a sync`, async (t) => {
    const { place, program } = await hanging()
    const since = performance.now()
    how(program)
    const { code, signal, ms, stdout, stderr } = await program.end({ since })
    t.diagnostic(`gone after ${ms} ms`)
    assert.deepEqual({ code, signal, stderr }, { ...expected, stderr: '' })
    assert.ok(ms < AT_ONCE_MS, `${ms} ms`)
    assert.deepEqual([...answers(stdout).keys()], [0, 1])
    await place.assertRecovers(['Sync cancelled', 'interrupted'])
  })
}

test('promise 14: closing the client of the SDK ends it during a sync', async (t) => {
  const place = await Place.of(2_000)
  await place.stallFrom(6)
  const { client, pid } = await connect(t, place)
  await place.stalled()
  const since = performance.now()
  await client.close()
  const ms = Math.round(performance.now() - since)
  t.diagnostic(`closed after ${ms} ms`)
  // After two seconds the SDK would have sent a signal.
  assert.ok(ms < 1_900, `${ms} ms`)
  assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
  await place.assertRecovers(['Sync cancelled', 'interrupted'])
})
