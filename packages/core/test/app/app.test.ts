import { describe, expect, it } from 'vitest'
import { produce } from '../../src/app/produce.js'
import { type AppEvent, memoryLog, memoryStores, run, stream, table } from '../../src/index.js'
import { faultyLog, faultyStores, ManualClock, testDriver } from '../../src/testing.js'
import { activations, information, notifications, notify } from './activation.js'

describe('health', () => {
  it('says that a stream pauses while its wait buffer is full, and stops saying it', async () => {
    await using driver = await testDriver(notify())
    await driver.produce(activations, ...['a', 'b', 'c', 'd', 'a'].map((key, n) => ({ key, value: { n } })))
    expect(driver.metrics()).toMatchObject({ in: 3, waiting: 3 })
    expect(driver.health().problems.join()).toContain(
      'pipeline activation[0] is paused: its wait buffer is full (3 events',
    )
    await driver.produce(information, { key: 'a', value: { id: '1' } })
    expect(driver.metrics()).toMatchObject({ in: 5, waiting: 3, emitted: 2 })
    expect(driver.health()).toMatchObject({ problems: [], ready: true })
  })

  it('names what is tried again, and forgets it once it is done', async () => {
    const clock = new ManualClock(0)
    let isDown = true
    const log = faultyLog(memoryLog({ clock }), { open: () => isDown })
    await using app = await run(notify(), { application: 'a', log, clock })
    await clock.advance(1_000)
    expect(app.health()).toMatchObject({ live: true, ready: false, started: false, state: 'restoring' })
    expect(app.health().problems.join()).toContain('task 0 is retrying: LOG_FAILED')
    isDown = false
    await clock.advance(10_000)
    expect(app.health()).toMatchObject({ ready: true, started: true, problems: [] })
  })
})

describe('a commit that fails', () => {
  it('is told with the reason, when its task is opened again', async () => {
    const reopened: AppEvent[] = []
    const faults = ['rejected', 'lost', 'fenced'] as const
    await using driver = await testDriver(notify(), {
      log: (clock) => faultyLog(memoryLog({ clock }), { commit: (call) => faults[call - 1] }),
      onEvent: (event) => event.type === 'reopening' && reopened.push(event),
    })
    await driver.produce(information, { key: 'a', value: { id: '1' } })
    expect(reopened).toEqual(
      ['rejected', 'unclear', 'fenced'].map((what) => ({ type: 'reopening', task: 0, reason: `a commit was ${what}` })),
    )
  })
})

describe('a store that fails', () => {
  it('is written to again until it takes the commit; nothing is lost and nothing comes twice', async () => {
    const retried: AppEvent[] = []
    await using driver = await testDriver(notify(), {
      stores: faultyStores(memoryStores(), { commit: (call) => (call % 3 === 0 ? undefined : 0) }),
      onEvent: (event) => event.type === 'retrying' && retried.push(event),
    })
    await driver.produce(information, { key: 'a', value: { id: '1' } })
    await driver.produce(activations, { key: 'a', value: { n: 1 } }, { key: 'b', value: { n: 2 } })
    await driver.produce(information, { key: 'b', value: { id: '2' } })
    expect(driver.metrics()).toMatchObject({ in: 2, emitted: 2 })
    expect(retried).toContainEqual(
      expect.objectContaining({ error: expect.objectContaining({ code: 'STORE_FAILED', retriable: true }) }),
    )
  })

  it('is read again after the task was opened anew', async () => {
    await using driver = await testDriver(notify(), {
      stores: faultyStores(memoryStores(), { getMany: (call) => call % 2 === 1 }),
    })
    await driver.produce(information, { key: 'a', value: { id: '1' } })
    await driver.produce(activations, { key: 'a', value: { n: 1 } })
    await driver.produce(activations, { key: 'a', value: { n: 2 } })
    expect(driver.metrics()).toMatchObject({ in: 2, emitted: 2 })
  })

  it('that cannot be opened stops the application with the reason', async () => {
    const stores = {
      open: () => {
        throw new Error('no such folder')
      },
    }
    await expect(testDriver(notify(), { stores })).rejects.toMatchObject({
      code: 'STORE_FAILED',
      message: expect.stringContaining('no such folder'),
    })
  })
})

describe('an application', () => {
  it('is stopped by a listener that throws, and says so', async () => {
    const log = memoryLog()
    const app = await run(notify(), {
      application: 'a',
      log,
      onEvent: (event) => {
        if (event.type === 'restored') throw new Error('a bug in the listener')
      },
    })
    await expect(app.closed).rejects.toMatchObject({ code: 'FUNCTION_THREW' })
  })

  it('closes when its signal aborts, and does not start when it is aborted already', async () => {
    const controller = new AbortController()
    const log = memoryLog()
    const app = await run(notify(), { application: 'a', log, signal: controller.signal })
    controller.abort()
    await app.closed
    expect(app.health().state).toBe('closed')
    await expect(run(notify(), { application: 'a', log, signal: controller.signal })).rejects.toMatchObject({
      code: 'APP_CLOSED',
    })
  })

  it('is never ready if it is closed before', async () => {
    const controller = new AbortController()
    const app = await run(notify(), { application: 'a', log: memoryLog(), signal: controller.signal })
    controller.abort()
    await expect(app.ready).rejects.toMatchObject({ code: 'APP_CLOSED' })
    await app.closed
  })

  it('tells where records lie, and nothing of what they hold', async () => {
    const told: AppEvent[] = []
    await using driver = await testDriver(notify(), { onEvent: (event) => told.push(event) })
    await driver.produce(activations, { key: 'secret', value: null }, { key: null, value: { n: 1 } })
    const origins = told.flatMap((event) => ('origin' in event ? [event.origin] : []))
    expect(origins).toEqual([0, 1].map((offset) => ({ topic: activations.name, partition: 0, offset })))
  })

  it('tells its states in order', async () => {
    const states: string[] = []
    const app = await run(notify(), {
      application: 'a',
      log: memoryLog(),
      onEvent: (event) => event.type === 'state' && states.push(`${event.from} > ${event.to}`),
    })
    await app.ready
    await app.close()
    expect(states).toEqual(['starting > restoring', 'restoring > running', 'running > closing', 'closing > closed'])
  })

  it('shares its tasks with a second instance, and takes them back, with each event once', async () => {
    const log = memoryLog({ partitions: 4 })
    const options = { application: 'a', log, commitEvery: '1ms' } as const
    const first = await run(notify(), options)
    const keys = Array.from({ length: 8 }, (_, i) => `p${i}`)
    await produce(log, information, ...keys.map((key) => ({ key, value: { id: key } })))
    await first.ready
    const second = await run(notify(), options)
    await second.ready
    await expect.poll(() => [first.metrics().gauges.tasks, second.metrics().gauges.tasks]).toEqual([2, 2])
    await produce(log, activations, ...keys.map((key, n) => ({ key, value: { n } })))
    const emitted = () =>
      [first, second].reduce((sum, app) => sum + (app.metrics().pipelines.activation?.emitted ?? 0), 0)
    await expect.poll(emitted).toBe(8)
    await first.close()
    await expect.poll(() => second.metrics().gauges.tasks).toBe(4)
    // totals are part of the committed state: they come along
    await expect.poll(() => second.metrics().pipelines.activation?.emitted).toBe(8)
    await second.close()
  })

  it('refuses unequal partition counts before anything is processed', async () => {
    const log = memoryLog({ topics: { activation: { partitions: 2 }, information: { partitions: 3 } } })
    await expect(run(notify(), { application: 'a', log })).rejects.toMatchObject({
      code: 'PIPELINE_INVALID',
      problems: [expect.stringContaining('activation has 2, information has 3')],
    })
  })

  it('refuses committed state that another pipeline has left', async () => {
    const log = memoryLog()
    const first = await run(notify(), { application: 'a', log, commitEvery: '1ms' })
    await first.ready
    await produce(log, activations, { key: 'p', value: { n: 1 } })
    await expect.poll(() => first.metrics().pipelines.activation?.in).toBe(1)
    await first.close()
    const second = await run(notify({ order: 'by-timestamp' }), { application: 'a', log })
    await expect(second.ready).rejects.toMatchObject({ code: 'PIPELINE_CHANGED' })
    await expect(second.closed).rejects.toMatchObject({ code: 'PIPELINE_CHANGED' })
  })

  it('answers questions of its own keys only, and none while it restores', async () => {
    const clock = new ManualClock(0)
    let isDown = false
    const log = faultyLog(memoryLog({ clock, partitions: 2 }), { open: () => isDown })
    const rows = table(information)
    const pipeline = stream(activations)
      .join(rows, ({ n }, { id }) => ({ n, id }))
      .to(notifications)
    const options = { application: 'a', log, clock, commitEvery: '0ms' } as const
    await produce(log, information, { key: 'p', value: { id: '0' } }, { key: 'q', value: { id: '1' } })
    await using first = await run(pipeline, options)
    await first.ready
    expect(await first.query(rows).get('p')).toEqual({ id: '0' })
    expect(await first.query(rows).get('q')).toEqual({ id: '1' })
    expect(await first.query(rows).get('never')).toBeUndefined()
    isDown = true
    await using second = await run(pipeline, options)
    const answers = () =>
      Promise.allSettled([first, second].flatMap((app) => ['p', 'q'].map((key) => app.query(rows).get(key))))
    const codes = async () =>
      (await answers()).map((answer) => (answer.status === 'rejected' ? answer.reason.code : 'answer')).sort()
    await expect.poll(codes).toEqual(['KEY_ELSEWHERE', 'KEY_ELSEWHERE', 'STORE_RESTORING', 'answer'])
    expect(() => first.query(table(information.named('other')))).toThrow(
      'no pipeline of this application joins table other',
    )
  })
})
