// Signing in: tokens that expire, and where others come from.

import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { syncError } from './support/errors.mjs'
import { folder, newPath, registry, sync, until } from './support/index.mjs'

const { SkillsmithApiClient, SyncEngine } = sync
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
    const result = await engine(at.client({ token, apiKey: 'sk' })).sync()
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
    const onProgress = ({ phase }) => {
      if (phase === 'fetching') stack.jwtToken = 'fresh'
    }
    assert.equal((await engine(stack).sync({ onProgress })).success, true)
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
