// The client: where its settings come from, what it sends, and what it makes of every answer.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { constants } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { inspect, promisify } from 'node:util'
import { Worker } from 'node:worker_threads'

import { inChild } from './support/child.mjs'
import { assertSyncError, syncError } from './support/errors.mjs'
import { BetterSqlite3, cleanEnvironment, folder, newPath, registry, ROOT, sync, until } from './support/index.mjs'

const { Database, SkillsmithApiClient, SkillsmithSyncError, createApiClient } = sync
const LIVE = 'https://api.skillsmith.app/functions/v1'
const NOWHERE = 'http://127.0.0.1:1/functions/v1'
const IN_TEN_DAYS = new Date(Date.now() + 10 * 86_400_000).toISOString()
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const SECRETS = { anonKey: 'anon-hunter2', apiKey: 'sk-hunter2', jwtToken: 'jwt-hunter2' }

for (const name of Object.keys(process.env)) if (/^(SKILLSMITH_|SUPABASE_|HTTPS?_PROXY$|ALL_PROXY$)/i.test(name)) delete process.env[name]
process.env.HOME = folder()

const shared = await registry(250)

/** A registry of its own, for tests that change how it behaves. */
const own = (options) => registry(30, options)
const fault = (place, action, when = {}) => place.post('faults', [{ when: { times: 0, ...when }, action }])
/** The requests that arrived, listings and health checks. */
const requests = (place) => place.get('requests')
const home = (text) => {
  const path = folder()
  mkdirSync(join(path, '.skillsmith'))
  writeFileSync(join(path, '.skillsmith/config.json'), text)
  return path
}
const failure = async (promise) =>
  promise.then(
    (value) => assert.fail(`it succeeded: ${inspect(value)}`),
    (error) => error,
  )

describe('settings', () => {
  const baseUrl = '({ sync, args: [config] }) => new sync.SkillsmithApiClient(config).baseUrl'
  const file = home(JSON.stringify({ apiBaseUrl: 'https://file.test/v1', apiKey: 'from-file' }))

  for (const [what, config, options, expected] of [
    ['nothing', undefined, {}, LIVE],
    ['an empty object', {}, {}, LIVE],
    ['the file', undefined, { home: file }, 'https://file.test/v1'],
    [
      'SUPABASE_URL before the file',
      {},
      { home: file, env: { SUPABASE_URL: 'http://supabase.test' } },
      'http://supabase.test/functions/v1',
    ],
    ['SUPABASE_URL with a slash', {}, { env: { SUPABASE_URL: 'http://supabase.test/' } }, 'http://supabase.test/functions/v1'],
    [
      'SKILLSMITH_API_URL before SUPABASE_URL',
      {},
      { home: file, env: { SUPABASE_URL: 'http://supabase.test', SKILLSMITH_API_URL: 'http://variable.test/v2/' } },
      'http://variable.test/v2',
    ],
    [
      'the option before all',
      { baseUrl: 'http://option.test/v3/' },
      { home: file, env: { SKILLSMITH_API_URL: 'http://variable.test' } },
      'http://option.test/v3',
    ],
    ['an empty variable is none', {}, { home: file, env: { SKILLSMITH_API_URL: '', SUPABASE_URL: ' ' } }, 'https://file.test/v1'],
    ['the file without a path', {}, { home: home('{"apiBaseUrl": "https://file.test/"}') }, 'https://file.test/functions/v1'],
    ['a variable without a path', {}, { env: { SKILLSMITH_API_URL: 'http://variable.test' } }, 'http://variable.test'],
  ]) {
    test(`address: ${what}`, async () => {
      assert.deepEqual(await inChild(baseUrl, { args: config === undefined ? [] : [config], ...options }), { value: expected })
    })
  }

  /** A file that names no registry, and so is meant for whichever is used. */
  const keyFile = home(JSON.stringify({ apiKey: 'from-file' }))

  for (const [what, config, options, expected] of [
    ['none', {}, {}, {}],
    ['the file', {}, { home: keyFile }, { 'x-api-key': 'from-file' }],
    ['the file of another registry', {}, { home: file }, {}],
    [
      'SKILLSMITH_API_KEY before the file',
      {},
      { home: file, env: { SKILLSMITH_API_KEY: 'from-variable' } },
      { 'x-api-key': 'from-variable' },
    ],
    [
      'the option before all',
      { apiKey: 'from-option' },
      { home: file, env: { SKILLSMITH_API_KEY: 'from-variable' } },
      { 'x-api-key': 'from-option' },
    ],
    [
      'SUPABASE_ANON_KEY alone',
      {},
      { env: { SUPABASE_ANON_KEY: 'anonymous' } },
      { apikey: 'anonymous', authorization: 'Bearer anonymous' },
    ],
    ['the anonymous key and the API key', { anonKey: 'anonymous' }, { home: keyFile }, { apikey: 'anonymous', 'x-api-key': 'from-file' }],
    [
      'the token before the API key',
      { jwtToken: 'jwt', apiKey: 'sk-12345', anonKey: 'anonymous' },
      {},
      { apikey: 'anonymous', authorization: 'Bearer jwt' },
    ],
    ['an empty option is none', { apiKey: ' ' }, { env: { SKILLSMITH_API_KEY: 'from-variable' } }, { 'x-api-key': 'from-variable' }],
  ]) {
    test(`credential: ${what}`, async () => {
      const place = await own()
      const search = 'async ({ sync, args: [config] }) => (await new sync.SkillsmithApiClient(config).search({ limit: 1 })).data.length'
      const env = { ...place.variables, ...options.env }
      assert.deepEqual(await inChild(search, { ...options, args: [config], env }), { value: 1 })
      const [{ headers }] = await requests(place)
      const sent = Object.fromEntries(Object.entries(headers).filter(([name]) => ['apikey', 'authorization', 'x-api-key'].includes(name)))
      assert.deepEqual(sent, expected)
    })
  }

  test('offline: the option before SKILLSMITH_OFFLINE_MODE', async () => {
    const offline = '({ sync, args }) => args.map((config) => new sync.SkillsmithApiClient(config).isOffline())'
    const args = [{}, { offlineMode: true }, { offlineMode: false }]
    assert.deepEqual(await inChild(offline, { args }), { value: [false, true, false] })
    assert.deepEqual(await inChild(offline, { args, env: { SKILLSMITH_OFFLINE_MODE: 'true' } }), { value: [true, true, false] })
    assert.deepEqual(await inChild(offline, { args, env: { SKILLSMITH_OFFLINE_MODE: 'false' } }), { value: [false, true, false] })
  })

  test('a variable that the program sets itself counts', () => {
    process.env.SKILLSMITH_API_URL = 'http://set.test'
    try {
      assert.equal(new SkillsmithApiClient().baseUrl, 'http://set.test')
    } finally {
      delete process.env.SKILLSMITH_API_URL
    }
    assert.equal(new SkillsmithApiClient().baseUrl, LIVE)
  })

  test('a worker has an environment of its own', async () => {
    const make = (env) => {
      const worker = new Worker(
        `const sync = require(${JSON.stringify(join(ROOT, 'npm'))})
         const { parentPort } = require('node:worker_threads')
         const client = new sync.SkillsmithApiClient()
         const told = { baseUrl: client.baseUrl, offline: client.isOffline() }
         const tell = (more) => parentPort.postMessage({ ...told, ...more })
         client.search({ limit: 2 }).then((page) => tell({ ids: page.data.map(({ id }) => id) }), (error) => tell({ code: error.code }))`,
        { eval: true, env },
      )
      return once(worker, 'message').then(async ([message]) => {
        await worker.terminate()
        return message
      })
    }
    const { data } = await shared.client().search({ limit: 2 })
    const [one, two, three] = await Promise.all([
      make({ SKILLSMITH_API_URL: shared.baseUrl }),
      make({ SKILLSMITH_API_URL: NOWHERE, SKILLSMITH_OFFLINE_MODE: 'true' }),
      make({ HOME: home(JSON.stringify({ apiBaseUrl: shared.baseUrl })) }),
    ])
    const ids = data.map(({ id }) => id)
    assert.deepEqual(one, { baseUrl: shared.baseUrl, offline: false, ids })
    assert.deepEqual(two, { baseUrl: NOWHERE, offline: true, code: 'OFFLINE' })
    assert.deepEqual(three, { baseUrl: shared.baseUrl, offline: false, ids })
  })

  test('createApiClient makes the same client', async () => {
    const client = createApiClient({ baseUrl: shared.baseUrl })
    assert.ok(client instanceof SkillsmithApiClient)
    assert.equal(client.baseUrl, shared.baseUrl)
    assert.equal((await client.search({ limit: 3 })).data.length, 3)
  })

  test('a proxy of the environment is used, and NO_PROXY is honoured', async () => {
    let asked = 0
    const proxy = createTcpServer((socket) => {
      asked += 1
      socket.on('error', () => {})
      socket.once('data', () => socket.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'))
    })
    proxy.listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    after(() => proxy.close())
    const url = `http://127.0.0.1:${proxy.address().port}`
    const search = 'async ({ sync }) => (await new sync.SkillsmithApiClient({ maxRetries: 0 }).search({ limit: 1 })).data.length'
    const through = await inChild(search, { env: { ...shared.variables, HTTP_PROXY: url } })
    assert.equal(through.error?.name, 'SkillsmithSyncError')
    assert.equal(asked, 1)
    assert.deepEqual(await inChild(search, { env: { ...shared.variables, HTTP_PROXY: url, NO_PROXY: '127.0.0.1' } }), { value: 1 })
    assert.equal(asked, 1)
  })
})

describe('isOffline', () => {
  test('offline means that nothing is sent', async () => {
    const place = await own()
    const client = place.client({ offlineMode: true })
    assert.equal(client.isOffline(), true)
    const health = await client.checkHealth()
    assert.deepEqual(health, { status: 'healthy', timestamp: health.timestamp, version: 'offline' })
    await assert.rejects(client.search(), syncError('OFFLINE', /offline mode/))
    assert.deepEqual(await requests(place), [])
    assert.equal(place.client().isOffline(), false)
  })

  test('its methods are functions of it alone', () => {
    assert.deepEqual(
      Object.getOwnPropertyNames(SkillsmithApiClient.prototype)
        .filter((name) => name !== 'constructor')
        .sort(),
      ['baseUrl', 'checkHealth', 'isOffline', 'search'],
    )
  })
})

describe('checkHealth', () => {
  for (const [health, status, version] of [
    ['healthy', 'healthy', '1.0.0'],
    ['degraded', 'degraded', '1.0.0'],
    ['unhealthy', 'unhealthy', 'unknown'],
    [500, 'unhealthy', 'unknown'],
    [502, 'unhealthy', 'unknown'],
    [401, 'degraded', 'unknown'],
    [404, 'degraded', 'unknown'],
    [429, 'degraded', 'unknown'],
  ]) {
    test(`a registry that says ${health} is ${status}`, async () => {
      const place = await own({ health })
      const before = Date.now()
      const said = await place.client().checkHealth()
      assert.deepEqual(said, { status, timestamp: said.timestamp, version })
      assert.match(said.timestamp, ISO)
      assert.ok(Date.parse(said.timestamp) >= before && Date.parse(said.timestamp) <= Date.now())
      assert.equal((await requests(place)).length, 1, 'it is asked once')
    })
  }

  test('one that cannot be reached is unhealthy, and no error', async () => {
    const said = await new SkillsmithApiClient({ baseUrl: NOWHERE }).checkHealth()
    assert.deepEqual(said, { status: 'unhealthy', timestamp: said.timestamp, version: 'unknown' })
  })

  test('one that is silent is unhealthy when the time is up', async () => {
    const place = await own()
    await fault(place, { stall_after: { bytes: 10 } }, { path: 'health' })
    assert.equal((await place.client({ timeout: 200 }).checkHealth()).status, 'unhealthy')
  })

  for (const [what, action, status] of [
    ['garbage', 'garbage', 'degraded'],
    ['no HTTP', 'not_http', 'unhealthy'],
    ['a closed connection', 'close', 'unhealthy'],
    ['words of its own', { replace_body: { json: { status: 'splendid', version: 5 } } }, 'degraded'],
  ]) {
    test(`one that answers with ${what} is ${status}`, async () => {
      const place = await own()
      await fault(place, action, { path: 'health' })
      const said = await place.client().checkHealth()
      assert.deepEqual([said.status, said.version], [status, 'unknown'])
    })
  }
})

describe('search', () => {
  /** The same listing as anybody gets it. */
  const served = async (place, query) => (await fetch(`${place.baseUrl}/skills-search?${query}`)).json()

  test('gives the page as it was served, in its own spelling', async () => {
    const page = await shared.client().search({ limit: 7, offset: 20 })
    assert.deepEqual(page, await served(shared, 'limit=7&offset=20'))
    assert.equal(page.data.length, 7)
    assert.deepEqual(page.meta, { total: 250, limit: 7, offset: 20 })
    assert.ok('repo_url' in page.data[0] && 'trust_tier' in page.data[0])
  })

  test('asks for a hundred from the start by default', async () => {
    for (const args of [[], [undefined], [null], [{}]]) {
      assert.deepEqual(await shared.client().search(...args), await served(shared, 'limit=100&offset=0'))
    }
  })

  test('keeps fields that nobody knows yet', async () => {
    const place = await own()
    const json = { data: [{ id: 'a', name: 'b', brand_new: { deep: [1, null, 'née 🦀'] }, big: 1e21 }], meta: { total: 1 }, more: true }
    await fault(place, { replace_body: { json } })
    assert.deepEqual(await place.client().search(), json)
  })

  test('filters by word and by tier', async () => {
    const place = await own()
    const client = place.client()
    const page = await client.search({ query: 'née &limit=1 %', trustTier: 'verified', limit: 5 })
    const [{ params }] = await requests(place)
    assert.deepEqual(params, { limit: '5', offset: '0', query: 'née &limit=1 %', trust_tier: 'verified' })
    assert.deepEqual(page.data, [])
    const verified = await shared.client().search({ trustTier: 'verified' })
    assert.deepEqual([...new Set(verified.data.map((skill) => skill.trust_tier))], ['verified'])
    const found = await shared.client().search({ query: 'git' })
    assert.deepEqual(found, await served(shared, 'limit=100&offset=0&query=git'))
    assert.ok(found.data.length > 0)
  })

  test('filters by category and score, as the registry and the TypeScript client do', async () => {
    const place = await own()
    await place.client().search({ query: 'git', category: 'testing', minQualityScore: 0.5 })
    const [{ params }] = await requests(place)
    assert.deepEqual(params, { limit: '100', offset: '0', query: 'git', category: 'testing', min_score: '0.5' })
  })

  test('reads compressed pages', async () => {
    const place = await own({ gzip: true })
    assert.equal((await place.client().search()).data.length, 30)
    assert.match((await requests(place))[0].headers['accept-encoding'], /gzip/)
  })

  test('says who it is', async () => {
    const place = await own()
    await place.client().search()
    await place.client().search()
    const all = (await requests(place)).map(({ headers }) => headers)
    for (const headers of all) {
      assert.equal(headers.accept, 'application/json')
      assert.match(headers['user-agent'], new RegExp(`^\\S*skillsmith\\S*/${sync.version.replaceAll('.', '\\.')}`))
      assert.match(headers['x-request-id'], /^\S{8,}$/)
    }
    assert.notEqual(all[0]['x-request-id'], all[1]['x-request-id'])
  })

  test('many at once each get their own page', async () => {
    const client = shared.client()
    const pages = await Promise.all(Array.from({ length: 25 }, (_, n) => client.search({ limit: 10, offset: 10 * n })))
    assert.deepEqual(
      pages.map(({ meta }) => meta.offset),
      Array.from({ length: 25 }, (_, n) => 10 * n),
    )
    assert.equal(new Set(pages.flatMap(({ data }) => data.map(({ id }) => id))).size, 250)
  })

  test('awaited, it keeps the process alive', async () => {
    const place = await own({ delay_ms: 300 })
    const search = 'async ({ sync }) => (await new sync.SkillsmithApiClient().search({ limit: 2 })).data.length'
    assert.deepEqual(await inChild(search, { env: place.variables }), { value: 2 })
  })

  test('the event loop turns while it waits', async () => {
    const place = await own({ delay_ms: 200 })
    let turns = 0
    const timer = setInterval(() => (turns += 1), 5)
    await place.client().search()
    clearInterval(timer)
    assert.ok(turns >= 3, `${turns} turns`)
  })
})

describe('errors of search', () => {
  for (const [what, options, action, code, text] of [
    ['401', { api_keys: ['other'] }, null, 'UNAUTHORIZED', /401.*the API key given by the program.*SKILLSMITH_API_KEY/],
    ['403 for the plan', { plan_required: 'community' }, null, 'PLAN_REQUIRED', /Team and Enterprise only; yours is 'community'/],
    [
      '403 with a reason',
      { forbidden: 'Your plan does not include it' },
      null,
      'FORBIDDEN',
      /403: .*Your plan does not include it.*sent the API key/,
    ],
    [
      '429 for longer than anybody waits',
      {},
      { status: { code: 429, headers: { 'Retry-After': '7200' } } },
      'RATE_LIMITED',
      /Try again after \d{4}-/,
    ],
    [
      '429 of a monthly quota',
      { monthly_quota: { limit: 9, used: 9, tier: 'pro', resets_at: IN_TEN_DAYS } },
      null,
      'QUOTA_EXCEEDED',
      new RegExp(`9 of 9 requests, plan pro.*${IN_TEN_DAYS.slice(0, 10)}`),
    ],
    ['400', { plain: 'needs_filter' }, null, 'REQUEST_REFUSED', /HTTP 400 \(/],
    ['404', {}, { status: { code: 404 } }, 'REQUEST_REFUSED', /HTTP 404/],
    ['500', {}, { status: { code: 500, body: { error: 'out of cheese' } } }, 'SERVER_ERROR', /HTTP 500 \(out of cheese\)/],
    ['503', {}, { status: { code: 503 } }, 'SERVER_ERROR', /HTTP 503/],
    ['garbage', {}, 'garbage', 'PROTOCOL_ERROR', /could not be understood/],
    ['an empty body', {}, 'empty', 'PROTOCOL_ERROR', /could not be understood/],
    ['null', {}, { replace_body: { json: null } }, 'PROTOCOL_ERROR', /could not be understood: expected a page of skills, .* but got null/],
    ['an array', {}, { replace_body: { json: [] } }, 'PROTOCOL_ERROR', /expected a page of skills, .* but got an array/],
    ['a number', {}, { replace_body: { json: 5 } }, 'PROTOCOL_ERROR', /expected a page of skills, .* but got a number/],
    [
      'an object without rows',
      {},
      { replace_body: { json: {} } },
      'PROTOCOL_ERROR',
      /expected a page of skills, .* but got an object whose data is undefined/,
    ],
    [
      'an object whose rows are none',
      {},
      { replace_body: { json: { data: {} } } },
      'PROTOCOL_ERROR',
      /expected a page of skills, .* but got an object whose data is an instance of Object/,
    ],
    ['no HTTP', {}, 'not_http', 'PROTOCOL_ERROR', /./],
    ['a closed connection', {}, 'close', 'NETWORK_UNREACHABLE', /Cannot reach the registry/],
    ['a cut body', {}, { cut: { bytes: 50 } }, 'NETWORK_UNREACHABLE', /Cannot reach the registry/],
    ['a body that stops coming', {}, { stall_after: { bytes: 50 } }, 'NETWORK_TIMEOUT', /did not answer in time/],
    ['an endless body', {}, 'endless', /RESPONSE_TOO_LARGE|NETWORK_TIMEOUT/, /./],
    ['a small body that swells', {}, { bomb: { megabytes: 100 } }, 'RESPONSE_TOO_LARGE', /larger than \d+ bytes/],
    [
      'a redirect elsewhere',
      { redirect: { status: 302, location: `http://localhost:1{path}?{query}` } },
      null,
      'REDIRECT_REFUSED',
      /not followed/,
    ],
  ]) {
    test(what, async () => {
      const place = await own(options)
      if (action) await fault(place, action)
      const client = place.client({ ...SECRETS, jwtToken: undefined, maxRetries: 0, timeout: 1000 })
      const error = await failure(client.search({ offset: 3 }))
      assertSyncError(error, code instanceof RegExp ? (assert.match(error.code, code), error.code) : code, text)
      assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), /hunter2|limit=100|offset=3/)
      assert.equal((await requests(place)).length, 1, 'asked once')
    })
  }

  test('no server', async () => {
    await assert.rejects(new SkillsmithApiClient({ baseUrl: NOWHERE, maxRetries: 0 }).search(), syncError('NETWORK_UNREACHABLE', /refused/))
  })

  test('no such host', async () => {
    const client = new SkillsmithApiClient({ baseUrl: 'http://no-such-host.invalid/v1', maxRetries: 0 })
    await assert.rejects(client.search(), syncError('NETWORK_UNREACHABLE', /Cannot reach the registry: .*name/i))
  })

  test('maxRetries tries that often again, and no other error is retried', async () => {
    const place = await own()
    await fault(place, { status: { code: 503, headers: { 'Retry-After': '0' } } }, { times: 2 })
    const page = await place.client({ maxRetries: 2 }).search({ limit: 1 })
    assert.equal(page.data.length, 1)
    assert.deepEqual(
      (await requests(place)).map(({ status }) => status),
      [503, 503, 200],
    )

    const strict = await own()
    await fault(strict, { status: { code: 503, headers: { 'Retry-After': '0' } } })
    await assert.rejects(strict.client({ maxRetries: 1 }).search(), syncError('SERVER_ERROR'))
    assert.equal((await requests(strict)).length, 2)

    const forbidden = await own({ forbidden: 'no' })
    await assert.rejects(forbidden.client({ maxRetries: 3 }).search(), syncError('FORBIDDEN'))
    assert.equal((await requests(forbidden)).length, 1)
  })

  test('a 429 that will soon be over is waited for', async () => {
    const place = await own()
    await fault(place, { status: { code: 429, headers: { 'Retry-After': '1' } } }, { times: 1 })
    assert.equal((await place.client().search({ limit: 2 })).data.length, 2)
    assert.deepEqual(
      (await requests(place)).map(({ status }) => status),
      [429, 200],
    )
  })

  test('one client serves on after errors', async () => {
    const place = await own()
    const client = place.client({ maxRetries: 0 })
    for (const action of [{ status: { code: 500 } }, 'reset', 'garbage', { cut: { bytes: 10 } }]) {
      await fault(place, action, { times: 1 })
      assert.ok((await failure(client.search())) instanceof sync.SkillsmithSyncError)
      assert.equal((await client.search()).data.length, 30)
    }
  })
})

describe('credentials stay home', () => {
  test('nothing of a client shows them', () => {
    const client = new SkillsmithApiClient({ baseUrl: NOWHERE, ...SECRETS })
    const shown = [
      inspect(client, { depth: 9, showHidden: true, getters: true }),
      inspect(new sync.SyncEngine({ db: new sync.Database(':memory:'), apiClient: client }), { depth: 9, showHidden: true, getters: true }),
      JSON.stringify(client),
      String(client),
      Object.keys(client).join(),
      Reflect.ownKeys(client).map(String).join(),
    ].join('\n')
    assert.doesNotMatch(shown, /hunter2/)
  })

  test('no error tells them, even where the registry says them', async () => {
    const place = await own()
    for (const code of [400, 401, 403, 500]) {
      const secrets = Object.values(SECRETS).join(' ')
      await fault(place, { status: { code, body: { error: `bad key ${secrets}`, message: secrets, details: secrets } } }, { times: 1 })
      const error = await failure(place.client({ ...SECRETS, maxRetries: 0 }).search())
      assert.doesNotMatch(`${inspect(error, { depth: 9, showHidden: true })} ${JSON.stringify(error)}`, /hunter2/, `${code}`)
      assert.match(error.message, /bad key \[redacted\]/)
    }
  })

  test('no result and no history of a sync tells them', async () => {
    const place = await own()
    await fault(place, { status: { code: 403, body: { error: `not with ${SECRETS.apiKey}` } } })
    const database = new sync.Database(':memory:')
    const engine = new sync.SyncEngine({ db: database, apiClient: place.client({ apiKey: SECRETS.apiKey }) })
    const result = await engine.sync()
    assert.equal(result.success, false)
    assert.match(result.errors[0], /not with \[redacted\]/)
    const told = [result, engine.getStatus(), new sync.SyncHistoryRepository(database).getHistory()]
    assert.doesNotMatch(JSON.stringify(told), /hunter2/)
  })

  test('no other host gets them', async () => {
    const heard = []
    const other = createServer((request, response) => {
      heard.push(request.headers)
      response.end('{"data": []}')
    })
    other.listen(0, '127.0.0.1')
    await once(other, 'listening')
    after(() => other.close())
    const { port } = other.address()
    const place = await own({ redirect: { status: 307, location: `http://127.0.0.1:${port}{path}?{query}` } })
    await assert.rejects(place.client(SECRETS).search(), syncError('REDIRECT_REFUSED'))
    assert.deepEqual(heard, [])
  })

  test('a key that cannot be one is refused without being shown', () => {
    for (const name of Object.keys(SECRETS)) {
      const error = (() => {
        try {
          return new SkillsmithApiClient({ baseUrl: NOWHERE, [name]: 'hunter2\r\nHost: elsewhere' })
        } catch (thrown) {
          return thrown
        }
      })()
      assertSyncError(error, 'INVALID_ARGUMENT', /given by the program/)
      assert.doesNotMatch(inspect(error), /hunter2/)
    }
  })

  test('a proxy that cannot be one is refused without being shown', async () => {
    const make = '({ sync }) => new sync.SkillsmithApiClient().baseUrl'
    const { error } = await inChild(make, { env: { ...shared.variables, HTTP_PROXY: 'http://me:hunter2@' } })
    assert.equal(error?.code, 'INVALID_ARGUMENT')
    assert.match(error.message, /HTTP_PROXY/)
    assert.doesNotMatch(error.message, /hunter2/)
  })
})

describe('NODE_DEBUG', () => {
  const syncOnce = `
    const sync = require(${JSON.stringify(join(ROOT, 'npm'))})
    const engine = new sync.SyncEngine({ db: new sync.Database(':memory:'), apiClient: new sync.SkillsmithApiClient() })
    engine.sync().then((result) => process.stdout.write(String(result.skillsAdded)))`
  const run = (debug) =>
    promisify(execFile)(process.execPath, ['-e', syncOnce], {
      env: cleanEnvironment(folder(), {
        NODE_DEBUG: debug,
        SKILLSMITH_API_URL: shared.baseUrl,
        SKILLSMITH_API_KEY: 'sk-hunter2-0123456789',
      }),
    })

  test('skillsmith prints requests and batches to stderr, and no credential', async () => {
    const { stdout, stderr } = await run('other,SkillSmith')
    assert.equal(stdout, '250')
    assert.match(stderr, /^SKILLSMITH \d+: http: GET http:\/\/127\.0\.0\.1:\d+\S*\/health: HTTP 200 \(\d+ ms\)$/m)
    assert.match(stderr, /^SKILLSMITH \d+: sync: a batch of \d+ rows is written/m)
    assert.match(stderr, /^SKILLSMITH \d+: sync: the sync ends: success; 250 new/m)
    assert.match(stderr, /requests carry the API key from SKILLSMITH_API_KEY/)
    assert.doesNotMatch(stderr, /hunter2/)
  })

  test('another name prints nothing', async () => {
    assert.deepEqual(await run('skill,http2'), { stdout: '250', stderr: '' })
  })
})

describe('an error that comes later', () => {
  test('has the frames of the call, and the cause of the system', async () => {
    async function theToolOfTheHost() {
      return await new SkillsmithApiClient({ baseUrl: NOWHERE, maxRetries: 0 }).search()
    }
    await assert.rejects(theToolOfTheHost(), (error) => {
      assert.match(error.stack, /^SkillsmithSyncError: .*\n(.*\n)*.*theToolOfTheHost/)
      assert.deepEqual([error.cause.code, error.cause.errno], ['ECONNREFUSED', -constants.errno.ECONNREFUSED])
      return error instanceof SkillsmithSyncError
    })
  })

  test('has the HTTP status or the code of SQLite as its cause', async () => {
    const place = await registry(10)
    await place.post('faults', [{ when: { request: 1, times: 0 }, action: { status: { code: 418 } } }])
    await assert.rejects(
      place.client({ maxRetries: 0 }).search(),
      (error) => error.code === 'REQUEST_REFUSED' && error.cause.status === 418,
    )
    const db = new Database(newPath())
    const other = new BetterSqlite3(db.name)
    other.exec("CREATE TRIGGER no BEFORE UPDATE ON sync_config BEGIN SELECT RAISE(ABORT, 'no'); END")
    other.close()
    assert.throws(
      () => new sync.SyncConfigRepository(db).disable(),
      (error) => error.code === 'DATABASE_ERROR' && error.cause.sqliteCode === 1811,
    )
    // Not that of the error before.
    assert.throws(
      () => new sync.SyncConfigRepository(db).setFrequency('hourly'),
      (error) => error.code === 'INVALID_ARGUMENT' && error.cause === undefined,
    )
  })
})

describe('a signal', () => {
  for (const method of ['search', 'checkHealth']) {
    test(`cancels ${method}, and its reason is kept`, async () => {
      const place = await registry(10)
      await fault(place, { stall_after: { bytes: 5 } }, { path: 'any' })
      const abort = new AbortController()
      const asked = place.client({ maxRetries: 0 })[method]({ signal: abort.signal })
      const reason = new Error('the user has closed the window')
      await until(async () => (await place.get('requests')).length > 0)
      abort.abort(reason)
      await assert.rejects(asked, (error) => error.code === 'CANCELLED' && error.cause === reason)
      const late = place.client()[method]({ signal: AbortSignal.abort(reason) })
      await assert.rejects(late, (error) => error.code === 'CANCELLED' && error.cause === reason)
    })
  }
})
