// Signing in: tokens that expire, and where others come from.

import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { syncError } from './support/errors.mjs'
import { folder, newPath, registry, sync, until } from './support/index.mjs'
import { AT_ONCE_MS, Place } from './support/processes.mjs'

const { BackgroundSyncService, Database, SkillsmithApiClient, SyncConfigRepository, SyncEngine, SyncHistoryRepository } = sync
const FOREVER = 1_000_000
const WORDS = /^Your sign-in has expired: run `skillsmith login`, or set SKILLSMITH_API_KEY \(401: expired_token/

for (const name of Object.keys(process.env)) if (/^(SKILLSMITH_|SUPABASE_|HTTPS?_PROXY$|ALL_PROXY$)/i.test(name)) delete process.env[name]
process.env.HOME = folder()

/** A registry of 250 skills that lets in who shows one of these tokens, each for so many listing requests. */
const place = (tokens) => registry(250, { sign_in: { tokens } })
/** What the listings identified themselves by. */
const shown = async (at) =>
  (await at.get('requests')).filter(({ path }) => path.endsWith('/skills-search')).map(({ headers }) => headers.authorization)
const engine = (apiClient, db = newPath()) => new SyncEngine({ db, apiClient })

/** A run of a service, as a server has it: the result, and the error that the service tells of. */
async function run(apiClient) {
  const database = new Database(newPath())
  const told = []
  const engine = new SyncEngine({ db: database, apiClient })
  const service = new BackgroundSyncService(engine, new SyncConfigRepository(database), { onSyncError: (error) => told.push(error) })
  const result = await service.manualSync()
  const [entry] = new SyncHistoryRepository(database).getHistory(1)
  return { result, told, entry }
}

/** A provider that gives these tokens, one after the other, and what it was asked. */
function provider(...tokens) {
  const asked = []
  return {
    asked,
    token: (request) => {
      asked.push(request.refused)
      return tokens[Math.min(asked.length, tokens.length) - 1]
    },
  }
}

describe('a token provider', () => {
  test('is asked at first, and once for each refused token', async () => {
    const at = await place({ one: 1, two: 1, three: FOREVER })
    const { asked, token } = provider('one', Promise.resolve('two'), 'three')
    const result = await engine(at.client({ token, apiKey: 'sk-12345' })).sync()
    assert.deepEqual([result.success, result.skillsAdded], [true, 250], result.errors[0])
    assert.deepEqual(asked, [false, true, true])
  })

  test('serves single requests too', async () => {
    const at = await place({ one: FOREVER })
    const { token } = provider('one')
    assert.equal((await at.client({ token }).search({ limit: 5 })).data.length, 5)
  })

  test('without another token ends the run with a code of its own', async () => {
    for (const other of ['one', '', null, undefined]) {
      const at = await place({ one: 1 })
      const { token, asked } = provider('one', other)
      const client = at.client({ token })
      const result = await engine(client).sync()
      assert.equal(result.success, false)
      assert.match(result.errors[0], WORDS)
      assert.equal(result.skillsAdded, 100)
      assert.deepEqual(asked, [false, true])
      await assert.rejects(client.search(), syncError('SIGN_IN_EXPIRED', WORDS))
    }
  })

  for (const [what, token, words] of [
    [
      'throws',
      () => {
        throw new Error('the key ring is locked')
      },
      'the key ring is locked',
    ], // prettier-ignore
    [
      'rejects',
      async () => {
        throw new Error('the key ring is locked')
      },
      'the key ring is locked',
    ], // prettier-ignore
    [
      'throws no error',
      () => {
        throw null
      },
      'null',
    ], // prettier-ignore
    ['returns nothing', () => undefined, 'it gave no token'],
    ['returns a number', () => 5, 'it must return a string, not a number'],
    ['returns a promise of an object', async () => ({}), 'it must return a string, not an instance of Object'],
    [
      'returns a thenable that throws',
      () => ({
        get then() {
          throw new Error('no')
        },
      }),
      'no',
    ], // prettier-ignore
    ['returns a line break', () => 'a\nX-Evil: b', 'characters that no token has'],
  ]) {
    test(`that ${what} fails before any request`, async () => {
      const at = await place({ one: FOREVER })
      const client = at.client({ token })
      const { success, errors } = await engine(client).sync()
      assert.equal(success, false)
      assert.ok(errors[0].includes(words), errors[0])
      await assert.rejects(client.search(), syncError('HOST_ERROR', /token provider/))
      assert.deepEqual(await shown(at), [])
    })
  }

  test('that never answers is left by a cancelled run, and its late answer reaches nobody', async () => {
    const at = await place({ one: FOREVER })
    const abort = new AbortController()
    let answer
    const token = () => {
      abort.abort()
      return new Promise((resolve) => (answer = resolve))
    }
    const run = engine(at.client({ token })).sync({ signal: abort.signal })
    assert.deepEqual((await run).errors, ['Sync cancelled'])
    answer('one')
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(await shown(at), [])
  })

  test('that never answers is left at the deadline', async () => {
    const at = await place({ one: FOREVER })
    const { errors } = await engine(at.client({ token: () => new Promise(() => {}) })).sync({ deadlineMs: 300 })
    assert.match(errors[0], /deadline/)
  })

  test('must be a function', () => {
    assert.throws(() => new SkillsmithApiClient({ token: 'jwt' }), { name: 'TypeError', message: /^token must be a function/ })
  })
})

/** A client as the TypeScript stack's: it refreshes its own token when one of its requests is refused. */
function stackClient(at, jwtToken, refresh) {
  return {
    baseUrl: at.baseUrl,
    jwtToken,
    offlineMode: false,
    searches: 0,
    async search({ query, limit }, { cache }) {
      assert.deepEqual([typeof query, limit, cache], ['string', 1, 'no-store'])
      this.searches++
      const answer = await fetch(`${this.baseUrl}/skills-search?query=${query}&limit=${limit}`, {
        headers: { authorization: `Bearer ${this.jwtToken}` },
      })
      const { error } = await answer.json()
      if (error === 'expired_token' && refresh) this.jwtToken = await refresh()
      else if (error) throw Object.assign(new Error(error), { statusCode: answer.status })
    },
  }
}

describe("the stack's client", () => {
  test('refreshes for a run', async () => {
    const at = await place({ old: 1, fresh: FOREVER })
    const stack = stackClient(at, 'old', async () => 'fresh')
    const result = await engine(stack).sync()
    assert.deepEqual([result.success, result.skillsAdded, stack.searches], [true, 250, 1], result.errors[0])
    assert.equal(stack.jwtToken, 'fresh')
  })

  test('that has a new token already is not made to send', async () => {
    const at = await place({ old: 1, fresh: FOREVER })
    const stack = stackClient(at, 'old')
    const run = engine(stack).sync()
    // The run has the old token. Waiting for an event of it would be a race: nothing orders those with requests for a token.
    stack.jwtToken = 'fresh'
    assert.equal((await run).success, true)
    assert.deepEqual([...new Set(await shown(at))], ['Bearer old', 'Bearer fresh'])
    assert.equal(stack.searches, 0)
  })

  test('that cannot refresh ends the run', async () => {
    const at = await place({ old: 0 })
    const { errors } = await engine(stackClient(at, 'old')).sync()
    assert.match(errors[0], WORDS)
  })

  test('gives no token for another address', async () => {
    const [at, other] = await Promise.all([place({ old: 0, fresh: FOREVER }), place({ old: 0, fresh: FOREVER })])
    const stack = stackClient(at, 'old', async () => {
      stack.baseUrl = other.baseUrl
      return 'fresh'
    })
    const { errors } = await engine(stack).sync()
    assert.match(errors[0], WORDS)
    assert.ok(!(await shown(at)).includes('Bearer fresh'))
  })
})

/** What may become of asking for a fresh token, and what the error says of it; the stack's client keeps its reasons to itself. */
const FAILURES = {
  throws: [
    () => {
      throw new Error('the key ring is locked')
    },
    'the key ring is locked',
  ],
  rejects: [async () => Promise.reject(new Error('the key ring is locked')), 'the key ring is locked'],
  'throws no error': [
    () => {
      throw null
    },
    'null',
  ],
  'rejects with nothing': [async () => Promise.reject(undefined), 'undefined'],
  'gives a number': [() => 5, 'it must return a string, not a number'],
  'gives an object without a prototype': [() => Object.create(null), 'it must return a string, not an object'],
}

for (const [what, [ask, why]] of Object.entries(FAILURES)) {
  describe(`asked for a fresh token after a 401, one that ${what} ends the run as expired`, () => {
    const assertExpired = ({ result, told, entry }) => {
      assert.deepEqual([result.success, result.skillsAdded, told.length], [false, 100, 1])
      syncError('SIGN_IN_EXPIRED', WORDS)(told[0])
      assert.equal(told[0].message, result.errors[0])
      assert.deepEqual([entry.status, entry.errorMessage], ['partial', result.errors[0]])
    }

    test('a token provider', async () => {
      const at = await place({ one: 1 })
      const asked = []
      const token = ({ refused }) => {
        asked.push(refused)
        return refused ? ask() : 'one'
      }
      const outcome = await run(at.client({ token }))
      assertExpired(outcome)
      assert.ok(outcome.told[0].message.includes(why), outcome.told[0].message)
      assert.deepEqual(asked, [false, true])
    })

    test("the stack's client", async () => {
      const at = await place({ one: 1 })
      let asked = 0
      const search = () => {
        asked += 1
        return ask()
      }
      assertExpired(await run({ baseUrl: at.baseUrl, jwtToken: 'one', offlineMode: false, search }))
      assert.equal(asked, 1)
    })
  })
}

test("the stack's client that refreshes after the end of the run serves the next one", async () => {
  const at = await place({ one: 1, two: FOREVER })
  const db = new Database(newPath())
  const abort = new AbortController()
  let refresh
  const stack = {
    baseUrl: at.baseUrl,
    jwtToken: 'one',
    offlineMode: false,
    search: () => {
      abort.abort()
      return new Promise((resolve) => (refresh = resolve))
    },
  }
  assert.deepEqual((await engine(stack, db).sync({ signal: abort.signal })).errors, ['Sync cancelled'])
  stack.jwtToken = 'two'
  refresh()
  const { success, errors } = await engine(stack, db).sync()
  assert.deepEqual([success, errors], [true, []])
  assert.equal(new sync.SkillRepository(db).count(), 250)
})

for (const whose of ['provider', 'stack']) {
  describe(`a host whose ${whose} is asked for a fresh token and gives none in time`, () => {
    const EXIT_0 = { code: 0, signal: null, stdout: '', stderr: '' }
    const start = async (manner) => {
      const place = await Place.of(250, { sign_in: { tokens: { one: 1, two: FOREVER } } })
      const program = place.start('sign-in.mjs', [whose, manner])
      await program.tells('asked')
      return { place, program }
    }
    const endOf = async (program) => {
      const { ms, ...end } = await program.end()
      return end
    }

    test('promise_14 ends by itself, if it has nothing else to do', async () => {
      const { place, program } = await start('ends')
      assert.deepEqual(await endOf(program), EXIT_0)
      place.assertSound()
    })

    test('promise_14 exits at once', async () => {
      const { place, program } = await start('exit')
      await program.tells('now')
      const { ms, ...end } = await program.end({ since: program.toldAt('now') })
      assert.deepEqual(end, { ...EXIT_0, code: 7 })
      assert.ok(ms < AT_ONCE_MS, `${ms} ms`)
      place.assertSound()
    })

    test('promise_12 stops its service at once, and ends', async () => {
      const { place, program } = await start('stop')
      assert.equal(await program.tells('stopped'), 'false')
      assert.ok(program.toldAt('stopped') - program.toldAt('now') < AT_ONCE_MS)
      assert.deepEqual(await endOf(program), EXIT_0)
      assert.deepEqual(program.allTold('code'), [], 'a stop is not an error')
      assert.deepEqual(place.runs(), [{ status: 'failed', error: 'Sync cancelled' }])
    })

    test('promise_8 lives until the deadline of a run that it awaits', async () => {
      const { place, program } = await start('awaits')
      assert.match(JSON.parse(await program.tells('result'))[0], /deadline/)
      assert.deepEqual(await endOf(program), EXIT_0)
      assert.equal(place.count(), 100)
    })

    for (const manner of ['lateToken', 'lateError']) {
      test(`promise_13 has no unhandled rejection: ${manner}`, async () => {
        const { place, program } = await start(manner)
        assert.deepEqual(JSON.parse(await program.tells('result')), ['Sync cancelled'])
        assert.deepEqual(await endOf(program), EXIT_0)
        place.assertSound()
      })
    }
  })
}

test('a registry of the host that says so has expired', async () => {
  const host = {
    isOffline: () => false,
    checkHealth: () => ({ status: 'healthy' }),
    search: () => {
      throw Object.assign(new Error('expired_token'), { statusCode: 401 })
    },
  }
  assert.match((await engine(host).sync()).errors[0], WORDS)
})

test('the token of the file is used, and read again', async () => {
  const at = await place({ old: 1, fresh: FOREVER })
  const file = join(process.env.HOME, '.skillsmith/config.json')
  mkdirSync(join(process.env.HOME, '.skillsmith'), { recursive: true })
  const write = (accessToken) =>
    writeFileSync(file, `\ufeff${JSON.stringify({ version: 2, accessToken, apiBaseUrl: new URL(at.baseUrl).origin })}`)
  write('old')
  const client = new SkillsmithApiClient()
  assert.equal(client.baseUrl, at.baseUrl)
  await client.search()
  write('fresh')
  await client.search()
  await until(async () => (await shown(at)).length === 3)
  assert.deepEqual(await shown(at), ['Bearer old', 'Bearer old', 'Bearer fresh'])
  writeFileSync(file, '{')
  assert.throws(() => new SkillsmithApiClient(), syncError('IO_ERROR', /config\.json: it is not JSON/))
})
