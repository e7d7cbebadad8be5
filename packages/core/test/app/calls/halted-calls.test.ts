import { describe, expect, it } from 'vitest'
import { consume } from '../../../src/app/consume.js'
import { produce } from '../../../src/app/produce.js'
import { type App, json, memoryLog, notSent, type Pipeline, run, stream, text, topic } from '../../../src/index.js'
import type { Log } from '../../../src/log.js'
import { faultyLog } from '../../../src/testing.js'

interface Event {
  readonly i: number
}

const asked = topic('asked', { key: text(), value: json<Event>() })
const replies = topic('replies', { key: text(), value: json<number>() })
const inDoubt = { deadLetter: 'in-doubt' }
const BAD = {
  topic: 'asked',
  partition: 0,
  key: Buffer.from('bad'),
  value: Buffer.from('{'),
  headers: [],
  timestamp: 0,
}
const LIMIT = { timeout: 10_000, interval: 5 }

/** A service that replies when the test says so. */
function service() {
  const replying = new Map<number, (reply: number) => void>()
  const requests: number[] = []
  const call = ({ i }: Event): Promise<number> => {
    requests.push(i)
    return new Promise((resolve) => replying.set(i, resolve))
  }
  return { call, requests, reply: (i: number) => replying.get(i)?.(i) }
}

async function start(log: Log, pipeline: Pipeline): Promise<{ readonly app: App; readonly ended: Promise<unknown> }> {
  const app = await run(pipeline, { application: 'b', log, guarantee: 'exactly-once' })
  app.ready.catch(() => {})
  return {
    app,
    ended: app.closed.then(
      () => undefined,
      (error: unknown) => error,
    ),
  }
}

async function repliesOf(log: Log): Promise<number[]> {
  const found: number[] = []
  for await (const { value } of consume(log, replies, { until: 'end' })) if (value !== null) found.push(value)
  return found
}

const eventsOf = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => ({ key: `k${from + i}`, value: { i: from + i } }))

describe('a record of calls that cannot be decoded, with halt', () => {
  it('halts at each start, once what the calls in flight have returned is committed', async () => {
    const log = memoryLog()
    const { call, requests, reply } = service()
    const pipeline = stream(asked).callOnce(call, { inDoubt }).to(replies)
    await produce(log, asked, ...eventsOf(2))
    const { app, ended } = await start(log, pipeline)
    await expect.poll(() => requests, LIMIT).toEqual([0, 1])
    await log.sink.append([BAD])
    // the record is known to be bad before the calls are over
    await expect.poll(() => app.health().problems.join(), LIMIT).toContain('asked[0] at offset 2')
    reply(1)
    await expect.poll(() => app.metrics().pipelines.asked, LIMIT).toMatchObject({ emitted: 1, waiting: 1 })
    expect(app.health().state).toBe('running')
    reply(0)
    const atBad = { code: 'DECODE_FAILED', topic: 'asked', partition: 0, offset: 2 }
    expect(await ended).toMatchObject(atBad)
    expect(app.metrics().pipelines.asked).toMatchObject({ in: 2, emitted: 2, waiting: 0 })
    for (const _ of ['second', 'third']) {
      const again = await start(log, pipeline)
      expect(await again.ended).toMatchObject(atBad)
      expect(again.app.metrics().pipelines.asked).toMatchObject({ in: 2, emitted: 2, waiting: 0 })
    }
    expect(requests).toEqual([0, 1])
    expect(await repliesOf(log)).toEqual([1, 0])
  })

  it('does not wait for the end of a function that ignores its timeout: that call is in doubt', async () => {
    const log = memoryLog()
    const { call, requests, reply } = service()
    const pipeline = stream(asked).callOnce(call, { inDoubt, timeout: '100ms' }).to(replies)
    await produce(log, asked, ...eventsOf(1))
    const { app, ended } = await start(log, pipeline)
    await expect.poll(() => requests, LIMIT).toEqual([0])
    await log.sink.append([BAD])
    await expect.poll(() => app.health().state, LIMIT).toBe('closing')
    expect(app.metrics().pipelines.asked).toMatchObject({ in: 1, waiting: 1, inDoubt: 1 })
    reply(0)
    expect(await ended).toMatchObject({ code: 'DECODE_FAILED', offset: 1 })
  })

  it('lets the calls of other tasks return first', async () => {
    const log = memoryLog({ partitions: 2 })
    const { call, requests, reply } = service()
    const pipeline = stream(asked).callOnce(call, { inDoubt }).to(replies)
    // keys of both partitions
    await produce(log, asked, ...eventsOf(8))
    const { app, ended } = await start(log, pipeline)
    await expect.poll(() => requests.length, LIMIT).toBe(8)
    const offset = await log.source.endOffset({ topic: 'asked', partition: 0 }, 'last-stable-offset')
    expect([offset > 0, offset < 8]).toEqual([true, true])
    await log.sink.append([BAD])
    await expect.poll(() => app.health().problems.join(), LIMIT).toContain(`asked[0] at offset ${offset}`)
    for (const i of requests) reply(i)
    expect(await ended).toMatchObject({ code: 'DECODE_FAILED', topic: 'asked', partition: 0, offset })
    expect(app.metrics().pipelines.asked).toMatchObject({ in: 8, emitted: 8, waiting: 0 })
    expect((await repliesOf(log)).toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  })
})

describe('a call that is ready, and that a new version of the pipeline cannot prepare, with halt', () => {
  it('halts at each start; the calls before it are made, and none is left in doubt', async () => {
    const log = memoryLog()
    const refusing = stream(asked).callOnce(
      async () => {
        throw notSent('the circuit breaker is open')
      },
      { inDoubt },
    )
    await produce(log, asked, ...eventsOf(4))
    const first = await start(log, refusing)
    await expect.poll(() => first.app.metrics().pipelines.asked, LIMIT).toMatchObject({ in: 4, waiting: 4 })
    await first.app.close()

    const requests: number[] = []
    const failing = stream(asked)
      .mapValues((event) => {
        if (event.i === 2) throw new Error('a bug')
        return event
      })
      .callOnce(
        async ({ i }) => {
          requests.push(i)
        },
        { inDoubt },
      )
    for (const _ of ['first', 'second', 'third']) {
      const { app, ended } = await start(log, failing)
      expect(await ended).toMatchObject({ code: 'FUNCTION_THREW', topic: 'asked', partition: 0, offset: 2 })
      expect(app.metrics().pipelines.asked).toMatchObject({ in: 4, emitted: 2, waiting: 2 })
      expect(app.metrics().pipelines.asked?.inDoubt).toBeUndefined()
    }
    expect(requests).toEqual([0, 1])

    // once the cause is removed
    const corrected = stream(asked).callOnce(
      async ({ i }) => {
        requests.push(i)
      },
      { inDoubt },
    )
    const { app } = await start(log, corrected)
    await expect.poll(() => app.metrics().pipelines.asked, LIMIT).toMatchObject({ emitted: 4, waiting: 0 })
    expect(requests).toEqual([0, 1, 2, 3])
    await app.close()
  })
})

describe('a call in doubt that its topic refuses', () => {
  it('halts at each start, and the results of the other calls are committed first', async () => {
    const inner = memoryLog()
    const log = faultyLog(inner, { refuse: ({ topic: name }) => (name === 'in-doubt' ? 'invalid record' : undefined) })
    const { call, requests, reply } = service()
    const failing = ({ i }: Event): Promise<number> =>
      i === 1 ? call({ i }).then(() => Promise.reject(new Error('reset'))) : call({ i })
    const pipeline = stream(asked).callOnce(failing, { inDoubt }).to(replies)
    await produce(inner, asked, ...eventsOf(3))
    const { app, ended } = await start(log, pipeline)
    await expect.poll(() => requests, LIMIT).toEqual([0, 1, 2])
    reply(1)
    await expect.poll(() => app.health().problems.join(), LIMIT).toContain('asked[0] at offset 1')
    reply(0)
    reply(2)
    const atDoubtful = { code: 'RECORD_REFUSED', topic: 'asked', partition: 0, offset: 1 }
    expect(await ended).toMatchObject(atDoubtful)
    expect(app.metrics().pipelines.asked).toMatchObject({ in: 3, emitted: 2, waiting: 1 })
    const again = await start(log, pipeline)
    expect(await again.ended).toMatchObject(atDoubtful)
    expect(again.app.metrics().pipelines.asked).toMatchObject({ in: 3, emitted: 2, waiting: 1 })
    expect(requests).toEqual([0, 1, 2])
    expect((await repliesOf(inner)).toSorted()).toEqual([0, 2])
  })
})
