import { Cluster, Redis } from 'ioredis'
import { describe, expect, it, vi } from 'vitest'
import { TrialApplication } from './support/application.js'
import { addAllSlots } from './support/cluster-slots.js'
import { fakeServer } from './support/fake-server.js'
import { atEnd, isPossible, observer, ownServer } from './support/servers.js'
import { bytes, ID, put, read, storesOf } from './support/stores.js'
import { Switch } from './support/switch.js'

const failed = (retriable: boolean, ...words: readonly string[]) =>
  expect.objectContaining({
    code: 'STORE_FAILED',
    retriable,
    topic: 'rows',
    partition: 0,
    message: expect.stringMatching(words.map((word) => `(?=.*${word})`).join('')),
  })

describe('an error reply', () => {
  it.each([
    ['MISCONF Errors writing to the AOF file', true, 'can save its data'],
    ['LOADING Redis is loading the dataset in memory', true, 'LOADING'],
    ['ERR an unknown error', true, 'an unknown error'],
    ['READONLY a replica', true, 'the url has to lead to the server that accepts writes'],
    ['NOAUTH Authentication required.', false, 'add the password'],
    ['ERR SELECT is not allowed in cluster mode', false, 'use a namespace instead'],
  ])('%s: retriable is %s', async (reply, retriable, words) => {
    const server = await fakeServer()
    server.errors.set('evalsha', reply)
    await expect(storesOf({ url: server.url }).open(ID)).rejects.toThrow(failed(retriable, words))
  })

  it('of a node of a cluster refuses the client', async () => {
    const server = await fakeServer()
    server.errors.set('evalsha', 'MOVED 7272 127.0.0.1:7001')
    await expect(storesOf({ url: server.url }).open(ID)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      retriable: false,
      message: expect.stringContaining('new Cluster'),
    })
  })

  it('of each command of an opening is judged in the same way', async () => {
    const server = await fakeServer()
    const stores = storesOf({ url: `${server.url}/3` })
    await stores.open(ID)
    for (const command of ['select', 'evalsha', 'info']) {
      server.errors.set(command, 'LOADING not yet')
      await expect(stores.open(ID)).rejects.toThrow(failed(true, 'LOADING'))
      server.errors.set(command, 'DENIED never')
      await expect(stores.open(ID)).rejects.toThrow(failed(false, 'allow connections'))
      server.errors.delete(command)
    }
    await stores.open(ID)
  })

  it('of all nodes of a cluster is in the error events of the client, to which the message refers', async () => {
    const server = await fakeServer()
    server.errors.set('cluster', 'ERR This instance has cluster support disabled')
    const client = new Cluster([server.url], { clusterRetryStrategy: () => 50 })
    client.on('error', () => {})
    atEnd(() => client.disconnect())
    await expect(storesOf({ client, timeout: '500ms' }).open(ID)).rejects.toThrow(
      failed(true, 'no reply within 500 ms; the client is \\w+: its .error. events have the reason'),
    )
  })

  it('of a cluster that moves slots is retried', async () => {
    const server = await fakeServer()
    const port = Number(new URL(server.url).port)
    server.errors.set('evalsha', `MOVED 7272 127.0.0.1:${port}`)
    const client = new Cluster([server.url], {
      maxRedirections: 2,
      slotsRefreshTimeout: 200,
      clusterRetryStrategy: () => 50,
    })
    client.on('error', () => {})
    atEnd(() => client.disconnect())
    await expect(storesOf({ client, timeout: '500ms' }).open(ID)).rejects.toThrow(failed(true))
  })
})

describe.skipIf(!isPossible)('a server', () => {
  it('whose connections are all taken for a while ends no application', async () => {
    const server = await ownServer({ settings: { maxclients: 12 } })
    const redis = observer(server.url)
    const application = await TrialApplication.on(storesOf({ url: server.url, timeout: '500ms' }))
    await application.inform('first', 0, 20)
    const others = Array.from({ length: 20 }, () => new Redis(server.url, { retryStrategy: () => 1 }))
    for (const other of others) other.on('error', () => {})
    await vi.waitUntil(async () => (await redis.info('clients')).includes('connected_clients:12'), 10_000)
    await redis.call('CLIENT', ['KILL', 'TYPE', 'normal', 'SKIPME', 'yes'])
    const activated = application.activate(0, 20)
    await expect.poll(() => application.retried.join(), { timeout: 20_000 }).toContain('raise maxclients of the server')
    for (const other of others) other.disconnect()
    await activated
    await application.check()
  })

  it('without memory for a while ends no application, whatever the version', async () => {
    const server = await ownServer()
    const redis = observer(server.url)
    const application = await TrialApplication.on(storesOf({ url: server.url, timeout: '500ms' }))
    await redis.config('SET', 'maxmemory', '1')
    await application.sendRows('first', 0, 20)
    await expect.poll(() => application.problems.join(), { timeout: 20_000 }).toContain('raise its maxmemory')
    await redis.config('SET', 'maxmemory', '0')
    await application.activate(0, 20)
    await application.check()
  })

  it('that must have replicas and has none is retried', async () => {
    const server = await ownServer()
    const redis = observer(server.url)
    const store = await storesOf({ url: server.url }).open(ID)
    await redis.config('SET', 'min-replicas-to-write', '1')
    await expect(store.commit([put('a', '1')], 'p')).rejects.toThrow(failed(true, 'NOREPLICAS', 'enough replicas'))
    await redis.config('SET', 'min-replicas-to-write', '0')
    await store.commit([put('a', '1')], 'p')
  })

  it('that a person uses for another purpose is never retried', async () => {
    const server = await ownServer()
    const store = await storesOf({ url: server.url }).open(ID)
    const redis = observer(server.url)
    await redis.flushall()
    await redis.set('joinery:{app:0}:rows', 'text')
    for (const call of [read(store, 'a'), store.commit([put('a', '1')], 'p'), storesOf({ url: server.url }).open(ID)])
      await expect(call).rejects.toThrow(failed(false, 'WRONGTYPE', 'use another namespace'))
  })

  it('that hides a command that scripts need is never retried, and the command is named', async () => {
    const server = await ownServer({ settings: { 'rename-command': ['HSTRLEN', 'HIDDEN'] } })
    const store = await storesOf({ url: server.url }).open(ID)
    await expect(store.commit([put('a', '1')], 'p')).rejects.toThrow(
      failed(false, 'the command is hstrlen', 'does not have this command'),
    )
  })

  it('in a cluster needs a client for a cluster', async () => {
    const server = await ownServer({ settings: { 'cluster-enabled': 'yes' } })
    const redis = observer(server.url)
    await addAllSlots(redis)
    await expect(storesOf({ url: server.url }).open(ID)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      retriable: false,
      message: expect.stringContaining('new Cluster'),
    })
  })
})

describe.skipIf(!isPossible)('a planned failover behind one address', () => {
  async function setUp(): Promise<{ way: Switch; turn: () => Promise<void> }> {
    const [master, replica] = [await ownServer(), await ownServer()]
    const [old, next] = [observer(master.url), observer(replica.url)]
    await next.replicaof(master.peer.host, master.peer.port)
    await vi.waitUntil(async () => (await next.info('replication')).includes('master_link_status:up'), 10_000)
    const way = await Switch.to(master)
    atEnd(() => way.close())
    const turn = async () => {
      await old.set('last', 'write') // WAIT waits for the writes of its own connection, and for those before them
      await old.wait(1, 5_000)
      await next.replicaof('NO', 'ONE')
      await old.replicaof(replica.peer.host, replica.peer.port)
      // while it synchronises, it may be empty
      await vi.waitUntil(async () => (await old.info('replication')).includes('master_link_status:up'), 10_000)
      way.point(replica)
    }
    return { way, turn }
  }

  it('is survived by the client for a URL', async () => {
    const { way, turn } = await setUp()
    const application = await TrialApplication.on(storesOf({ url: way.url, timeout: '500ms' }))
    await application.inform('first', 0, 50)
    await application.activate(20, 70)
    await turn()
    await application.inform('second', 30, 70)
    await application.activate(0, 70)
    await application.check()
    expect([...application.retried, ...application.reopened].join()).toMatch(/READONLY|STORE_BEHIND/)
  })

  it.each([
    ['without reconnectOnError', {}, 'stays connected to it: set reconnectOnError: .*includes\\(.READONLY.\\)'],
    ['that never connects again', { reconnectOnError: () => false }, 'stays connected to it: set reconnectOnError'],
    [
      'that connects again',
      { reconnectOnError: (error: Error) => error.message.includes('READONLY') },
      'connects again, as its reconnectOnError says',
    ],
  ] as const)('is reported with the setting to a client %s', async (_, options, words) => {
    const { way, turn } = await setUp()
    const client = new Redis(way.url, options)
    client.on('error', () => {})
    atEnd(() => client.disconnect())
    const store = await storesOf({ client, timeout: '500ms' }).open(ID)
    await turn()
    const commit = async () => store.commit([put('a', '1')], 'p')
    await expect(commit()).rejects.toThrow(failed(true, 'READONLY', 'is a replica', words))
    const outcome = expect.poll(() => commit().catch((error) => error.message), { timeout: 3_000 })
    if (words.startsWith('connects')) await outcome.toBeUndefined()
    else await outcome.toContain('stays connected')
  })

  it('to a replica that accepts writes is refused all the same, until it is the master', async () => {
    const [master, replica] = [await ownServer(), await ownServer({ settings: { 'replica-read-only': 'no' } })]
    const redis = observer(replica.url)
    await redis.replicaof(master.peer.host, master.peer.port)
    await vi.waitUntil(async () => (await redis.info('replication')).includes('master_link_status:up'), 10_000)
    const stores = storesOf({ url: replica.url })
    await expect(stores.open(ID)).rejects.toThrow(
      failed(true, 'has the role of a replica', 'the client connects again'),
    )
    const client = observer(replica.url)
    await expect(storesOf({ client }).open(ID)).rejects.toThrow(failed(true, 'stays connected to it'))
    expect(client.status).toBe('ready')
    await redis.replicaof('NO', 'ONE')
    const store = await stores.open({ ...ID, token: 2 })
    await store.commit([put('a', '1'), { key: bytes('b'), value: null }], 'p')
  })
})
