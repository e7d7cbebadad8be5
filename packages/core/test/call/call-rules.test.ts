import { describe, expect, it } from 'vitest'
import { produce } from '../../src/app/produce.js'
import { reportsTopic } from '../../src/changelog/reports-topic.js'
import {
  type CallOnceOptions,
  type Headers,
  json,
  memoryLog,
  notSent,
  reset,
  run,
  stream,
  text,
  topic,
} from '../../src/index.js'
import { testDriver } from '../../src/testing.js'

interface Asked {
  readonly n: number
  readonly id?: string
}
const asked = topic('asked', { key: text(), value: json<Asked>() })
const results = topic('results', { key: text(), value: json<number>() })
const doubtful = asked.named('in-doubt')

/** Calls that settle on demand. */
function calling(options: Partial<CallOnceOptions<Asked>> = {}) {
  const started: number[] = []
  const open = new Map<number, (result: number | Error) => void>()
  const calls = stream(asked).callOnce(
    ({ n }) => {
      started.push(n)
      return new Promise<number>((resolve, reject) => {
        open.set(n, (result) => (typeof result === 'number' ? resolve(result) : reject(result)))
      })
    },
    { inDoubt: { deadLetter: doubtful.name }, timeout: '10s', ...options },
  )
  const settle = (n: number, result: number | Error = 200) => open.get(n)?.(result)
  return { started, settle, calls, pipeline: calls.to(results) }
}
const record = (n: number, key = `k${n}`, more: Partial<Asked> = {}) => ({ key, value: { n, ...more } })

describe('calls of one key', () => {
  it('are made one after the other, in the order of the stream; other keys do not wait', async () => {
    const { started, settle, pipeline } = calling()
    await using driver = await testDriver(pipeline)
    await driver.produce(asked, record(1, 'a'), record(2, 'a'), record(3, 'b'))
    expect(started).toEqual([1, 3])
    settle(1)
    await driver.advance('0ms')
    expect(started).toEqual([1, 3, 2])
  })

  it('keep their order when the first could not be sent', async () => {
    const { started, settle, pipeline } = calling()
    await using driver = await testDriver(pipeline)
    await driver.produce(asked, record(1, 'a'), record(2, 'a'))
    settle(1, notSent('refused'))
    await driver.advance('1s')
    expect(started).toEqual([1, 1])
    settle(1)
    await driver.advance('0ms')
    expect(started).toEqual([1, 1, 2])
  })

  it.each([
    ['park', [1, 2]],
    ['block', [1]],
  ] as const)('with whenInDoubt %s: started %j once the first is in doubt', async (whenInDoubt, expected) => {
    const { started, settle, pipeline } = calling({ whenInDoubt })
    await using driver = await testDriver(pipeline)
    await driver.produce(asked, record(1, 'a'), record(2, 'a'))
    settle(1, new Error('reset'))
    await driver.advance('1m')
    expect(started).toEqual(expected)
  })
})

describe('concurrency', () => {
  it('limits the open calls of a task, including those of a previous owner', async () => {
    const { started, pipeline } = calling({ concurrency: 2 })
    await using driver = await testDriver(pipeline)
    await driver.produce(asked, record(1), record(2), record(3))
    expect(started).toEqual([1, 2])
    await driver.restart('crash')
    await driver.advance('14s')
    expect(started).toEqual([1, 2])
    await driver.advance('1s') // timeout and grace period are over: the calls are in doubt, and others are made
    expect(started).toEqual([1, 2, 3])
  })

  it('lets up to maxReady records wait; then the stream pauses, and nothing is lost', async () => {
    const { started, settle, pipeline } = calling({ concurrency: 1, maxReady: 2 })
    await using driver = await testDriver(pipeline)
    await driver.produce(asked, ...[1, 2, 3, 4, 5].map((n) => record(n)))
    expect(driver.metrics()).toMatchObject({ in: 3, waiting: 3 })
    for (const n of [1, 2, 3, 4, 5]) {
      settle(n)
      await driver.advance('0ms')
    }
    expect(started).toEqual([1, 2, 3, 4, 5])
    expect(driver.metrics()).toMatchObject({ in: 5, emitted: 5, waiting: 0 })
  })
})

describe('a stream that pauses because too many records wait', () => {
  it('continues when one of them is settled without another call', async () => {
    const { started, settle, calls, pipeline } = calling({ concurrency: 1, maxReady: 1 })
    await using driver = await testDriver(pipeline)
    await driver.produce(asked, record(1))
    settle(1, new Error('reset'))
    await driver.produce(asked, record(2))
    const by = { decidedBy: 'me', reason: 'as the service says' }
    for await (const doubt of driver.inDoubtCalls(calls).list()) {
      await driver.inDoubtCalls(calls).resolve(doubt, { outcome: 'not-sent', ...by })
      await driver.advance('0ms')
      await driver.produce(asked, record(3))
      await driver.inDoubtCalls(calls).resolve(doubt, { outcome: 'done', result: 200, ...by })
    }
    await driver.advance('0ms')
    settle(2)
    await driver.advance('0ms')
    expect(started).toEqual([1, 2, 3])
  })
})

describe('a repetition', () => {
  const origin = (offset: number): Headers => [['joinery-origin', Buffer.from(`service-a/orders/0/${offset}`)]]

  it('of a record is detected by the origin of its first hop', async () => {
    const { started, settle, pipeline } = calling()
    await using driver = await testDriver(pipeline)
    await driver.produce(asked, { ...record(1), headers: origin(7) }, { ...record(1), headers: origin(7) })
    settle(1)
    await driver.produce(asked, { ...record(1), headers: origin(7) })
    expect(started).toEqual([1])
    expect(driver.metrics()).toMatchObject({ in: 3, emitted: 1, dropped: { duplicate: 2 } })
  })

  it('of an id with another payload is dead-lettered, and causes no call', async () => {
    const { started, pipeline } = calling({ id: ({ id = '' }) => id })
    await using driver = await testDriver(pipeline)
    await driver.produce(asked, record(1, 'a', { id: 'x' }), record(2, 'a', { id: 'x' }))
    expect(started).toEqual([1])
    const [conflict] = driver.consumeDeadLetters(doubtful)
    expect(conflict).toMatchObject({ value: { n: 2 }, info: { reason: 'call-conflict' } })
    expect(driver.metrics()).toMatchObject({ in: 2, deadLettered: { 'call-conflict': 1 }, waiting: 1 })
  })

  it('is detected until its retention is over', async () => {
    const { started, settle, pipeline } = calling({ id: ({ id = '' }) => id, retention: '1h' })
    await using driver = await testDriver(pipeline)
    await driver.produce(asked, record(1, 'a', { id: 'x' }))
    settle(1)
    await driver.advance('59m')
    await driver.produce(asked, record(1, 'a', { id: 'x' }))
    expect(started).toEqual([1])
    await driver.advance('5m')
    await driver.produce(asked, record(1, 'a', { id: 'x' }))
    expect(started).toEqual([1, 1])
  })

  it('is detected by the clock of the log, whatever the clock of the machine says', async () => {
    const { started, settle, pipeline } = calling({ id: ({ id = '' }) => id, retention: '1h' })
    await using driver = await testDriver(pipeline, {
      log: (clock) =>
        memoryLog({
          clock: {
            now: () => clock.monotonic(),
            monotonic: () => clock.monotonic(),
            setTimeout: (run, ms) => clock.setTimeout(run, ms),
            yieldToEventLoop: () => clock.yieldToEventLoop(),
          },
        }),
    })
    await driver.produce(asked, record(1, 'a', { id: 'x' }))
    settle(1)
    driver.clock.setNow(driver.clock.now() + 7_200_000)
    await driver.restart('clean')
    await driver.advance('5m')
    await driver.produce(asked, record(1, 'a', { id: 'x' }))
    expect(started).toEqual([1])
  })

  it('that is open never expires', async () => {
    const { started, pipeline, settle } = calling({ id: ({ id = '' }) => id, retention: '1h' })
    await using driver = await testDriver(pipeline)
    await driver.produce(asked, record(1, 'a', { id: 'x' }))
    settle(1, new Error('reset'))
    await driver.advance('1d')
    await driver.produce(asked, record(1, 'a', { id: 'x' }))
    expect(started).toEqual([1])
  })
})

describe('a request that cannot be sent', () => {
  it('is retried, and shows in events, health, counts', async () => {
    const { settle, pipeline } = calling()
    const events: unknown[] = []
    await using driver = await testDriver(pipeline, { onEvent: (event) => events.push(event) })
    await driver.produce(asked, record(1))
    settle(1, notSent('connection refused'))
    await driver.advance('0ms')
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'call-not-sent', reason: expect.stringContaining('connection refused') }),
    )
    expect(driver.health().problems).toEqual([
      expect.stringMatching(/cannot send its requests \(1 attempt, retried\): .*connection refused/),
    ])
    await driver.advance('2s')
    settle(1)
    await driver.advance('0ms')
    expect(driver.consume(results)).toHaveLength(1)
    expect(driver.health().problems).toEqual([])
  })
})

describe('a call that takes too long', () => {
  it('is in doubt and not finished while its function runs; its result still counts', async () => {
    const { started, settle, pipeline, calls } = calling()
    await using driver = await testDriver(pipeline)
    await driver.produce(asked, record(1))
    await driver.advance('10s')
    expect(driver.consumeDeadLetters(doubtful)).toHaveLength(1)
    for await (const doubt of driver.inDoubtCalls(calls).list())
      expect(doubt).toMatchObject({ claimantFinished: false })
    settle(1)
    await driver.advance('0ms')
    expect(driver.consume(results).map(({ value }) => value)).toEqual([200])
    expect(started).toEqual([1])
    expect(driver.metrics()).toMatchObject({ emitted: 1, waiting: 0, inDoubt: 1 })
  })

  it('counts the timestamp that is clamped when it is published as in doubt, and that of its result', async () => {
    const { settle, pipeline } = calling()
    await using driver = await testDriver(pipeline, { now: 0 })
    await driver.produce(asked, { ...record(1), timestamp: 2 * 3_600_000 })
    await driver.advance('10s')
    expect(driver.consumeDeadLetters(doubtful).map(({ timestamp }) => timestamp)).toEqual([3_610_000])
    expect(driver.metrics()).toMatchObject({ inDoubt: 1, clamped: 1 })
    settle(1)
    await driver.advance('0ms')
    expect(driver.metrics()).toMatchObject({ emitted: 1, clamped: 2 })
  })

  it('is reported as finished once its function has failed', async () => {
    const { settle, pipeline, calls } = calling()
    await using driver = await testDriver(pipeline)
    await driver.produce(asked, record(1))
    await driver.advance('10s')
    settle(1, new Error('reset at last'))
    await driver.advance('0ms')
    expect(driver.consumeDeadLetters(doubtful)).toHaveLength(1)
    for await (const doubt of driver.inDoubtCalls(calls).list())
      expect(doubt).toMatchObject({ claimantFinished: true, reason: 'reset at last' })
  })
})

describe('the record of calls', () => {
  it('with mode at-least-once retries a call with an unknown outcome, until retryFor is over', async () => {
    const { started, settle, pipeline } = calling({ mode: 'at-least-once', retryFor: '1m' })
    await using driver = await testDriver(pipeline)
    await driver.produce(asked, record(1))
    settle(1, new Error('reset'))
    await driver.advance('1s')
    expect(started).toEqual([1, 1])
    await driver.restart('crash')
    await driver.advance('17s') // its claim is orphaned, and the next attempt waits
    expect(started).toEqual([1, 1, 1])
    await driver.advance('1m')
    settle(1, new Error('reset'))
    await driver.advance('1h')
    expect(driver.consumeDeadLetters(doubtful)).toHaveLength(1)
  })

  it('survives a reset: what was called is not called again', async () => {
    const { started, pipeline } = calling()
    const quick = stream(asked).callOnce(async ({ n }) => started.push(n), { inDoubt: { deadLetter: doubtful.name } })
    const log = memoryLog()
    const first = await run(quick, { application: 'b', log })
    await produce(log, asked, record(1))
    await expect.poll(() => first.metrics().pipelines.asked?.emitted).toBe(1)
    await first.close()
    await reset(quick, { application: 'b', log })
    await using second = await run(quick, { application: 'b', log })
    await expect.poll(() => second.metrics().pipelines.asked).toMatchObject({ in: 1, dropped: { duplicate: 1 } })
    expect(started).toEqual([1])
    expect(pipeline.describe().outputs).toEqual(['results', 'in-doubt'])
  })

  it('is not trusted if the changelog is not the one in which calls were recorded', async () => {
    const { calls, started } = calling()
    const log = memoryLog()
    const value = Buffer.from(JSON.stringify({ type: 'owner-checkpoint', topicId: 'another', offset: 3 }))
    await log.sink.append([{ topic: reportsTopic('b'), partition: 0, key: null, value, timestamp: 0, headers: [] }])
    await produce(log, asked, record(1))
    const app = await run(calls, { application: 'b', log })
    await expect(app.closed).rejects.toMatchObject({ code: 'CHANGELOG_INVALID' })
    expect(started).toEqual([])
  })

  it('ignores what other programs write into the reports topic', async () => {
    const { calls, started } = calling()
    const log = memoryLog()
    for (const text of ['', 'null', '{}', '{"type":"report","outcome":"done"}', '\u0000'])
      await log.sink.append([
        { topic: reportsTopic('b'), partition: 0, key: null, value: Buffer.from(text), timestamp: 0, headers: [] },
      ])
    await produce(log, asked, record(1))
    const app = await run(calls, { application: 'b', log })
    await expect.poll(() => started).toEqual([1])
    await app.close({ timeout: '0ms' }).catch(() => {}) // its call never settles
  })
})

describe('closing', () => {
  it('waits for running calls, and leaves nothing in doubt', async () => {
    const { calls, settle, started } = calling()
    const log = memoryLog()
    const app = await run(calls, { application: 'b', log })
    await produce(log, asked, record(1), record(2))
    await expect.poll(() => started).toEqual([1, 2])
    const closed = app.close()
    settle(1)
    settle(2, notSent('closing'))
    await closed
    expect(app.metrics().pipelines.asked).toMatchObject({ in: 2, emitted: 1, waiting: 1 })
    expect(app.metrics().pipelines.asked?.inDoubt).toBeUndefined()
  })
})

describe('options', () => {
  it('are checked all at once, before anything connects', async () => {
    const bad = {
      inDoubt: 'nowhere',
      timeout: 'soon',
      concurrency: 0,
      maxReady: 1.5,
      whenInDoubt: 'ask',
      mode: 'exactly-once',
      namespace: '',
    } as unknown as CallOnceOptions<Asked>
    const calls = stream(asked).callOnce(async () => 1, bad)
    const problems = [
      /inDoubt is "nowhere"/,
      /timeout is "soon"/,
      /concurrency is 0/,
      /maxReady is 1.5/,
      /whenInDoubt is "ask"/,
      /mode is "exactly-once"/,
      /namespace is empty/,
    ]
    await expect(run(calls, { application: 'b', log: memoryLog() })).rejects.toMatchObject({
      code: 'PIPELINE_INVALID',
      problems: expect.arrayContaining(problems.map((problem) => expect.stringMatching(problem))),
    })
  })
})
