// What is open behind the objects of a host, and for how long.

import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, test } from 'node:test'

import { inChild } from './support/child.mjs'
import { syncError } from './support/errors.mjs'
import { BetterSqlite3, folder, newPath, sync } from './support/index.mjs'

const { BackgroundSyncService, Database, SkillRepository, SyncConfigRepository, SyncEngine, SyncHistoryRepository } = sync
const apiClient = { isOffline: () => false, checkHealth: () => ({ status: 'healthy' }), search: () => ({ data: [] }) }

test('a connection of the host for each request leaves no descriptors', {
  skip: !existsSync('/proc/self/fd') && 'needs /proc',
}, async () => {
  const body = `async ({ sync, BetterSqlite3, args: [path] }) => {
    const { readdirSync, symlinkSync } = require('node:fs')
    new sync.Database(path).close()
    symlinkSync(path, path + '.link')
    const request = async (at) => {
      const db = new BetterSqlite3(at)
      new sync.SyncConfigRepository(db).getConfig()
      new sync.SyncHistoryRepository(db).count()
      db.close()
      await new Promise(setImmediate)
    }
    await request(path)
    const before = readdirSync('/proc/self/fd').length
    for (let n = 0; n < 300; n++) await request(n % 2 ? path : path + '.link')
    return readdirSync('/proc/self/fd').length - before
  }`
  const { value } = await inChild(body, { args: [newPath()] })
  assert.ok(value <= 3, `${value} more descriptors`)
})

test('nor memory', async () => {
  // 0.5 GiB more while each object had a connection that stayed, 40 MiB since.
  const body = `async ({ sync, BetterSqlite3, args: [path] }) => {
    new sync.Database(path).close()
    const requests = async (count) => {
      for (let n = 0; n < count; n++) {
        const db = new BetterSqlite3(path)
        new sync.SyncConfigRepository(db).getConfig()
        db.close()
        if (n % 100 === 0) await new Promise(setImmediate)
      }
      gc()
      await new Promise(setImmediate)
      return process.memoryUsage.rss()
    }
    const before = await requests(600)
    return (await requests(3_000)) - before
  }`
  const { value } = await inChild(body, { args: [newPath()], flags: ['--expose-gc'] })
  assert.ok(value < 100 * 2 ** 20, `${Math.round(value / 2 ** 20)} MiB more`)
})

test('a host closes its files, and nothing of ours is left of them', { skip: !existsSync('/proc/self/fd') && 'needs /proc' }, async () => {
  const body = `async ({ sync, BetterSqlite3, args: [path] }) => {
    const { existsSync, readdirSync, rmSync } = require('node:fs')
    const apiClient = { isOffline: () => false, checkHealth: () => ({ status: 'healthy' }), search: () => ({ data: [] }) }
    const kept = []
    const serve = async (file) => {
      const db = new BetterSqlite3(file)
      db.pragma('journal_mode = WAL')
      const config = new sync.SyncConfigRepository(db)
      config.getConfig()
      const engine = new sync.SyncEngine({ db, apiClient })
      await engine.sync({ signal: new AbortController().signal })
      const { stop } = sync.startBackgroundSync({ db, apiClient })
      kept.push(config, engine)
      await stop()
      db.close()
      const left = ['-wal', '-shm'].filter((end) => existsSync(file + end))
      for (const end of ['', '-wal', '-shm', '-sync-lock']) rmSync(file + end, { force: true })
      return left
    }
    await serve(path)
    const before = readdirSync('/proc/self/fd').length
    const left = new Set()
    for (let n = 0; n < 60; n++) for (const name of await serve(path + n)) left.add(name)
    return { left: [...left], more: readdirSync('/proc/self/fd').length - before }
  }`
  const { value } = await inChild(body, { args: [newPath()] })
  assert.deepEqual(value.left, [], 'the last connection takes the journal away with it')
  assert.ok(value.more <= 6, `${value.more} more descriptors`)
})

test('a backup that is put in the place of a closed database is what is read', () => {
  const path = newPath()
  new Database(path).close()
  const open = () => {
    const db = new BetterSqlite3(path)
    db.pragma('journal_mode = WAL')
    return db
  }
  const first = open()
  first.exec("INSERT INTO skills (id, name) VALUES ('old', 'Old')")
  first.close()
  const backup = readFileSync(path)
  const db = open()
  const config = new SyncConfigRepository(db)
  config.disable()
  db.exec("UPDATE skills SET id = 'new'; UPDATE sync_config SET last_sync_count = 9")
  db.close()
  writeFileSync(path, backup)
  const again = open()
  const read = [again.pragma('integrity_check', { simple: true }), again.prepare('SELECT id FROM skills').pluck().all()]
  assert.deepEqual([...read, new SyncConfigRepository(again).getConfig().enabled], ['ok', ['old'], true])
  again.close()
})

test('a connection that was opened by a relative path is that file, wherever the process is', async () => {
  const body = `async ({ sync, BetterSqlite3, args: [one, two] }) => {
    for (const folder of [one, two]) new sync.Database(folder + '/skills.db').close()
    process.chdir(one)
    const db = new BetterSqlite3('skills.db')
    process.chdir(two)
    new sync.SyncConfigRepository(db).disable()
    db.close()
    return [one, two].map((folder) => new sync.SyncConfigRepository(folder + '/skills.db').getConfig().enabled)
  }`
  const { value } = await inChild(body, { args: [folder(), folder()] })
  assert.deepEqual(value, [false, true])
})

test('what somebody has put on Object.prototype changes nothing', async () => {
  const body = `async ({ sync, BetterSqlite3, args: [path] }) => {
    new sync.Database(path).close()
    const db = new BetterSqlite3(path)
    const apiClient = { isOffline: () => false, checkHealth: () => ({ status: 'healthy' }), search: () => ({ data: [] }) }
    const told = {}
    for (const name of ['name', 'filename', 'host', 'client', 'native', 'offline', 'asked']) {
      for (const value of ['somewhere', {}, () => 'somewhere']) {
        Object.defineProperty(Object.prototype, name, { value, configurable: true, writable: true })
        try {
          const config = new sync.SyncConfigRepository(db)
          const { success, code } = await new sync.SyncEngine({ db, apiClient }).sync()
          const own = new sync.SkillsmithApiClient({ baseUrl: 'http://127.0.0.1:1', maxRetries: 0 })
          const unreachable = await new sync.SyncEngine({ db, apiClient: own }).sync()
          told[name] = [config.getConfig().id, success, code, unreachable.code]
        } catch (error) {
          told[name] = error.message
        }
        delete Object.prototype[name]
        if (told[name][1] !== true) break
      }
    }
    return told
  }`
  const { value } = await inChild(body, { args: [newPath()] })
  const names = ['name', 'filename', 'host', 'client', 'native', 'offline', 'asked']
  assert.deepEqual(value, Object.fromEntries(names.map((name) => [name, ['default', true, null, 'API_UNHEALTHY']])))
})

test('a reader and a writer have connections of their own, and a closed one is closed alone', () => {
  const path = newPath()
  new Database(path).close()
  const [writer, reader, other] = [new BetterSqlite3(path), new BetterSqlite3(path, { readonly: true }), new BetterSqlite3(path)]
  const [writing, reading, also] = [writer, reader, other].map((db) => new SyncConfigRepository(db))
  writing.disable()
  assert.throws(() => reading.enable(), syncError('READ_ONLY'))
  writer.close()
  assert.throws(() => writing.getConfig(), syncError('DATABASE_CLOSED'))
  assert.equal(also.enable().enabled, true)
  assert.equal(reading.getConfig().enabled, true)
  for (const db of [reader, other]) db.close()
})

describe('close', () => {
  test('ends a repository, and the database that was opened for it', () => {
    for (const Repository of [SyncConfigRepository, SyncHistoryRepository, SkillRepository]) {
      const db = new Database(newPath())
      const [borrowing, owning] = [new Repository(db), new Repository(db.name)]
      const call = (repository) => (repository.getConfig ? repository.getConfig() : repository.count())
      call(owning)
      for (const repository of [borrowing, owning]) {
        repository.close()
        repository.close()
        assert.throws(() => call(repository), syncError('DATABASE_CLOSED', /repository is closed/))
      }
      assert.equal(db.open, true, 'that of the host stays open')
      call(new Repository(db))
      db.close()
    }
  })

  test('ends an engine, not the repositories that it was made of', async () => {
    const db = new Database(newPath())
    const [skills, config, history] = [SkillRepository, SyncConfigRepository, SyncHistoryRepository].map(
      (Repository) => new Repository(db.name),
    )
    const engine = new SyncEngine(apiClient, skills, config, history)
    const running = engine.sync()
    engine.close()
    assert.equal((await running).success, true)
    assert.throws(() => engine.getStatus(), syncError('DATABASE_CLOSED', /engine is closed/))
    await assert.rejects(engine.sync(), syncError('DATABASE_CLOSED'))
    assert.equal(history.count(), 1)
    config.close()
    assert.throws(() => new SyncEngine(apiClient, skills, config, history), syncError('DATABASE_CLOSED'))
  })

  test('a service over a closed engine is told so once', async () => {
    const db = new Database(newPath())
    const engine = new SyncEngine({ db, apiClient })
    const told = []
    const service = new BackgroundSyncService(engine, new SyncConfigRepository(db), { onSyncError: ({ code }) => told.push(code) })
    engine.close()
    service.start()
    await new Promise(setImmediate)
    assert.deepEqual(told, ['DATABASE_CLOSED'])
    await service.stop()
  })

  test('is what using calls, where the runtime has it', { skip: !Symbol.dispose && 'this runtime has no Symbol.dispose' }, async () => {
    const db = new Database(newPath())
    const config = new SyncConfigRepository(db)
    const engine = new SyncEngine({ db, apiClient })
    const service = new BackgroundSyncService(engine, config)
    service.start()
    await service[Symbol.asyncDispose]()
    assert.equal(service.isServiceStarted(), false)
    for (const each of [config, engine, db]) each[Symbol.dispose]()
    assert.throws(() => config.getConfig(), syncError('DATABASE_CLOSED'))
    assert.equal(db.open, false)
    assert.deepEqual(Object.keys(Database.prototype), [])
  })
})
