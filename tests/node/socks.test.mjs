// A registry that only a SOCKS proxy reaches.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { after, test } from 'node:test'

import { inChild } from './support/child.mjs'
import { newPath, registry } from './support/index.mjs'

const place = await registry(30)

/** The next `size` bytes of a socket, and no more. */
async function take(socket, size) {
  for (;;) {
    const bytes = socket.read(size)
    if (bytes) return bytes
    await once(socket, 'readable')
  }
}

/** A SOCKS 5 proxy without a login, by RFC 1928, which takes every name for this machine; and the names it was asked for. */
async function socks() {
  const names = []
  const serve = async (client) => {
    const [, methods] = await take(client, 2)
    await take(client, methods)
    client.write(Buffer.from([5, 0]))
    const [, command, , type] = await take(client, 4)
    assert.equal(command, 1)
    assert.equal(type, 3, 'the name is looked up by the proxy')
    const [length] = await take(client, 1)
    names.push((await take(client, length)).toString())
    const port = (await take(client, 2)).readUInt16BE()
    const server = connect(port, '127.0.0.1')
    await once(server, 'connect')
    client.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
    client.pipe(server).pipe(client)
    server.on('error', () => client.destroy())
  }
  const proxy = createServer((client) => {
    client.on('error', () => {})
    serve(client).catch((error) => client.destroy(error))
  })
  await once(proxy.listen(0, '127.0.0.1'), 'listening')
  after(() => proxy.close())
  return { names, port: proxy.address().port }
}

test('is synced through it', async () => {
  const proxy = await socks()
  const body = `async ({ sync, args: [path, baseUrl] }) => {
    const engine = new sync.SyncEngine({ db: new sync.Database(path), apiClient: new sync.SkillsmithApiClient({ baseUrl }) })
    const { success, skillsAdded, errors } = await engine.sync()
    return { success, skillsAdded, errors }
  }`
  const far = place.baseUrl.replace('127.0.0.1', 'registry.example')
  for (const name of ['ALL_PROXY', 'http_proxy']) {
    const env = { [name]: `socks5h://127.0.0.1:${proxy.port}` }
    const outcome = await inChild(body, { args: [newPath(), far], env })
    assert.deepEqual(outcome, { value: { success: true, skillsAdded: 30, errors: [] } })
  }
  assert.ok(proxy.names.length >= 2 && proxy.names.every((name) => name === 'registry.example'), String(proxy.names))
})
