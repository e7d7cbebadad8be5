import { describe, expect, it, vi } from 'vitest'
import { consume } from '../../../src/app/consume.js'
import { produce } from '../../../src/app/produce.js'
import {
  type AppEvent,
  type InDoubtCall,
  inDoubtCalls,
  json,
  memoryLog,
  run,
  stream,
  text,
  topic,
} from '../../../src/index.js'
import { crash, ManualClock } from '../../../src/testing.js'

const asked = topic('asked', { key: text(), value: json<{ n: number }>() })
const results = topic('results', { key: text(), value: json<{ status: number }>() })
const by = { decidedBy: 'ops', reason: 'the service has it in its log' }
const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

/** An application that crashes in its only call, and the next one, which tells it as in doubt. */
async function inDoubt() {
  const clock = new ManualClock()
  const log = memoryLog({ partitions: 1, clock })
  let requests = 0
  const pipeline = stream(asked)
    .callOnce(
      async () => {
        requests++
        return requests === 1 ? new Promise<never>(() => {}) : { status: 200 }
      },
      { inDoubt: { deadLetter: 'in-doubt' }, timeout: '1s' },
    )
    .to(results)
  const options = { application: 'service-b', log, clock, commitEvery: '0ms' } as const
  const first = await run(pipeline, options)
  await produce(log, asked, { key: 'p1', value: { n: 1 } })
  await vi.waitFor(() => expect(requests).toBe(1))
  await crash(first)
  await first.closed
  const calls = inDoubtCalls({ application: 'service-b', log, clock })
  return {
    log,
    calls,
    clock,
    requests: () => requests,
    start: (onEvent = (_: AppEvent): void => {}) => run(pipeline, { ...options, onEvent }),
  }
}

describe('inDoubtCalls', () => {
  it('decides calls without knowing their pipeline, before the application runs again', async () => {
    const { log, calls, clock, requests, start } = await inDoubt()
    const app = await start()
    const doubt = await vi.waitFor(async () => {
      await clock.advance(1_000)
      return (await all(calls.list()))[0] ?? Promise.reject(new Error('nothing is in doubt'))
    })
    await app.close()
    expect(doubt).toMatchObject({ id: 'asked/0/0', pipeline: 'asked', claimantFinished: false })
    const result = Buffer.from('{"status":201}')
    await calls.resolve(doubt, { outcome: 'done', result, claimantHasEnded: true, ...by })
    await using again = await start()
    await vi.waitFor(async () => expect(await all(calls.list())).toEqual([]))
    const [written] = await all(consume(log, results, { until: 'end' }))
    expect(written).toMatchObject({ key: 'p1', value: { status: 201 } })
    expect(requests()).toBe(1)
    expect(again.metrics().pipelines.asked).toMatchObject({ in: 1, emitted: 1, waiting: 0 })
  })

  it('has no result written that the sink cannot decode: the call stays in doubt, and the owner says why', async () => {
    const { log, calls, clock, start } = await inDoubt()
    const events: AppEvent[] = []
    await using app = await start((event) => events.push(event))
    const call = await vi.waitFor(async () => {
      await clock.advance(1_000)
      return (await all(calls.list()))[0] ?? Promise.reject(new Error('nothing is in doubt'))
    })
    await calls.resolve(call, { outcome: 'done', result: Buffer.from('not json'), claimantHasEnded: true, ...by })
    await vi.waitFor(() =>
      expect(events).toContainEqual(
        expect.objectContaining({
          type: 'call-contradiction',
          reason: expect.stringContaining('the result could not be decoded with the value serde of results'),
        }),
      ),
    )
    expect(await all(calls.list())).toMatchObject([{ id: call.id, token: call.token }])
    expect(await all(consume(log, results, { until: 'end' }))).toEqual([])
    expect(app.metrics().pipelines.asked).toMatchObject({ emitted: 0, waiting: 1 })
  })

  it('takes no decision while the claimant may still send, because the pipeline may block', async () => {
    const calls = inDoubtCalls({ application: 'service-b', log: memoryLog() })
    const doubt = { id: 'asked/0/0', pipeline: 'asked', token: 't', claimantFinished: false } as InDoubtCall
    for (const outcome of ['done', 'not-sent', 'abandoned'] as const)
      await expect(calls.resolve(doubt, { outcome, ...by })).rejects.toMatchObject({ code: 'CALL_UNDECIDABLE' })
  })
})

describe('crash', () => {
  it('refuses what run has not made', async () => {
    await using app = await run(stream(asked).to(topic('out', asked)), { application: 'a', log: memoryLog() })
    await expect(crash({ ...app })).rejects.toThrow(TypeError)
  })
})
