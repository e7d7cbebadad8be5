import { describe, expect, it } from 'vitest'
import type { Redis, RedisOptions } from '../../testbed/src/index.js'
import { TrialApplication } from './support/application.js'
import { atEnd, isPossible, observer, ownServer } from './support/servers.js'
import { storesOf } from './support/stores.js'
import { Switch } from './support/switch.js'

/** Produces rows and events that wait, then causes the outage, then checks everything that depends on the earlier state. */
async function play(application: TrialApplication, trouble: () => Promise<void>): Promise<void> {
  await application.inform('first', 0, 200)
  await application.activate(0, 300)
  await trouble()
  await application.activate(0, 300)
  await application.inform('second', 100, 250)
  await application.activate(50, 350)
  await application.inform('third', 0, 350)
  await application.check()
}

describe.skipIf(!isPossible)('an application on a server', () => {
  async function setUp(options: RedisOptions = {}): Promise<[Redis, TrialApplication]> {
    const server = await ownServer(options)
    return [server, await TrialApplication.on(storesOf({ url: server.url, timeout: '500ms' }))]
  }

  it('that never fails: each output is written once', async () => {
    const [, application] = await setUp()
    await play(application, async () => {})
    expect(application.failures).toEqual([])
  })

  it('that is available at a restart: the application finds its rows, and reads none from the log', async () => {
    const [, application] = await setUp()
    await play(application, () => application.start())
    expect(application.restoredRows).toBe(0)
    expect(application.failures).toEqual([])
  })

  it('that is not available at the start: the application waits for it', async () => {
    const server = await ownServer()
    await server.kill()
    const stores = storesOf({ url: server.url, timeout: '500ms' })
    const application = new TrialApplication(stores)
    const starting = application.start()
    await expect.poll(() => application.failures, { timeout: 10_000 }).toContain('STORE_FAILED')
    await server.restart()
    await starting
    await play(application, async () => {})
  })

  it('that is flushed: each output is written once', async () => {
    const [server, application] = await setUp()
    await play(application, async () => {
      await observer(server.url).flushall()
    })
    expect(application.failures).toContain('STORE_BEHIND')
    const reported = [...application.retried, ...application.reopened].join()
    expect(reported).toContain('Redis has lost acknowledged changes of store')
    expect(reported).not.toMatch(/owner|fenced|LOG_FAILED/)
  })

  it.each([
    ['information', 'STORE_BEHIND'], // a read detects it
    ['%24waiters', 'reopening'], // a commit detects it
  ])('loses the store %s alone writes each output once', async (name, found) => {
    const [server, application] = await setUp()
    await play(application, async () => {
      const redis = observer(server.url)
      for (let task = 0; task < 4; task++) expect(await redis.unlink(`joinery:{trial:${task}}:${name}`)).toBe(1)
    })
    expect(application.failures).toContain(found)
    for (const reason of application.reopened)
      expect(reason).toMatch(/^STORE_BEHIND: Redis has lost acknowledged changes of store \$waiters\[\d\]/)
  })

  it('that restarts empty: each output is written once', async () => {
    const [server, application] = await setUp()
    await play(application, async () => {
      await server.kill()
      await server.restart()
    })
    expect(application.failures).toContain('STORE_BEHIND')
  })

  it('that restarts with everything: each output is written once, and nothing is replayed', async () => {
    const [server, application] = await setUp({ settings: { appendonly: 'yes', appendfsync: 'always' } })
    await play(application, async () => {
      await server.kill()
      await server.restart()
    })
    expect(application.failures).not.toContain('STORE_BEHIND')
  })

  it('that restarts with an older state: each output is written once', async () => {
    const [server, application] = await setUp()
    const redis = observer(server.url)
    await application.inform('saved', 0, 150)
    await application.activate(100, 200)
    await redis.save()
    await play(application, async () => {
      await server.kill()
      await server.restart()
      expect(await redis.hget('joinery:{trial:0}:information', 'product 199')).toBeNull()
    })
    expect(application.failures).toContain('STORE_BEHIND')
  })

  it('that hangs for a while: each output is written once', async () => {
    const [server, application] = await setUp()
    await play(application, async () => {
      await server.pause()
      const activated = application.activate(0, 100)
      await expect.poll(() => application.failures, { timeout: 10_000 }).toContain('STORE_FAILED')
      await server.resume()
      await activated
    })
  })

  it('that fails over to a replica without some acknowledged writes: each output is written once', async () => {
    const [master, replica] = [await ownServer(), await ownServer()]
    const copy = observer(replica.url)
    await copy.replicaof(master.peer.host, master.peer.port)
    const way = await Switch.to(master)
    atEnd(() => way.close())
    const application = await TrialApplication.on(storesOf({ url: way.url, timeout: '500ms' }))
    await application.inform('copied', 0, 150)
    await application.activate(100, 200)
    expect(await observer(master.url).wait(1, 5_000)).toBe(1)
    await copy.replicaof('127.0.0.1', '1') // it keeps its data and stops replicating
    await play(application, async () => {
      await master.kill()
      await copy.replicaof('NO', 'ONE')
      expect(await copy.hget('joinery:{trial:0}:information', 'product 199')).toBeNull()
      way.turn(replica)
    })
    expect(application.failures).toContain('STORE_BEHIND')
  })
})
