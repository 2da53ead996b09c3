// A registry that costs next to nothing: every page is serialized before anybody asks.
//
// node registry.mjs SKILLS PORT: prints "ready". Any listing without a query, and the query "git", has everything; every
// other query has nothing. That is the TypeScript engine's best case, which searches for eight words. POST /touch?fraction=F
// changes that share of the skills.

import { createServer } from 'node:http'

const [count, port] = process.argv.slice(2).map(Number)
const LIMIT = 100
const WORDS =
  'agent async build cache clean code commit config data debug deploy design docs edit error fetch file find fix format git graph guard help index issue json lint list log map merge model move name node note open page parse path plan port print query queue read repo rule run scan search send sort stack start store style sync table task test text time tool trace tree type user value view watch web wiki work write yaml'.split(
    ' ',
  )

/** Numbers that look random and are the same in every run. */
function numbers(seed) {
  let state = seed >>> 0
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

function skill(number, round) {
  const next = numbers(number * 7919 + round)
  const words = (length) => Array.from({ length }, () => WORDS[next(WORDS.length)])
  const name = `${words(2).join('-')}-${number}`
  return {
    id: `10000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
    name,
    description: words(30 + next(30)).join(' '),
    author: `author-${next(5_000)}`,
    repo_url: `https://example.com/${name}`,
    quality_score: next(1_000) / 1_000,
    trust_tier: next(4) === 0 ? 'verified' : 'community',
    tags: words(4),
    stars: next(5_000),
    installable: true,
    created_at: '2025-12-01T00:00:00.000Z',
    updated_at: new Date(Date.UTC(2026, 0, 1) + round * 86_400_000 + number * 1_000).toISOString(),
  }
}

const skills = Array.from({ length: count }, (_, number) => skill(number, 0))
const page = (rows, offset) => Buffer.from(JSON.stringify({ data: rows, meta: { total: rows.length && count, limit: LIMIT, offset } }))
const pages = new Map()
const prepare = (number) => pages.set(number * LIMIT, page(skills.slice(number * LIMIT, (number + 1) * LIMIT), number * LIMIT))
for (let number = 0; number * LIMIT < count; number++) prepare(number)

createServer((request, response) => {
  const url = new URL(request.url, 'http://registry')
  const send = (body) => response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body)
  if (url.pathname.endsWith('/health')) return send(Buffer.from('{"status":"healthy","version":"1.0.0"}'))
  if (url.pathname === '/touch') {
    const every = Math.round(1 / Number(url.searchParams.get('fraction')))
    for (let number = 0; number < count; number += every) skills[number] = skill(number, 400)
    for (let number = 0; number * LIMIT < count; number++) prepare(number)
    return send(Buffer.from('{}'))
  }
  const query = url.searchParams.get('query')
  const offset = Number(url.searchParams.get('offset') ?? 0)
  if (query && query !== 'git') return send(page([], offset))
  // Pages that overlap the last one do not begin at a multiple of the limit.
  send(pages.get(offset) ?? page(skills.slice(offset, offset + LIMIT), offset))
}).listen(port, '127.0.0.1', () => console.log('ready'))
