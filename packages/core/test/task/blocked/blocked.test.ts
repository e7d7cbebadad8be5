import { describe, expect, it } from 'vitest'
import { produce } from '../../../src/app/produce.js'
import { deadLetterInfo, stream, table } from '../../../src/index.js'
import { blockableProcess, events, eventsOf, results, rows } from './blockable-process.js'

const SLOW = 3
const LIMIT = { timeout: 10_000, interval: 5 }

interface Started {
  readonly onError: 'halt' | { readonly deadLetter: string }
  readonly blockMs: number
  /** The events that are processed at once. */
  readonly count?: number
}

/** An application whose group gives its task away, and back, whenever a function has blocked for longer than the session. */
async function started({ onError, blockMs, count = 6 }: Started) {
  const { inner, block, loseTasks, start, told } = blockableProcess()
  let runs = 0
  const pipeline = stream(events, { onError })
    .join(table(rows), (event, row) => {
      if (event.i === SLOW) {
        runs++
        block(blockMs)
        if (blockMs > 10_000) loseTasks()
      }
      return { ...event, ...row }
    })
    .to(results)
  await produce(inner, rows, { key: 'k', value: { r: 1 } })
  await produce(inner, events, ...eventsOf(count))
  return { app: await start(pipeline), inner, told, runs: () => runs }
}

describe('a function that blocks the event loop for longer than the session', () => {
  it('is named at once, and the second time its event is dead-lettered', async () => {
    const { app, inner, told, runs } = await started({ onError: { deadLetter: 'dead' }, blockMs: 15_000, count: 20 })
    await expect
      .poll(() => app.metrics().pipelines.events, LIMIT)
      .toMatchObject({
        in: 20,
        emitted: 19,
        deadLettered: { 'function-blocked': 1 },
      })
    expect(runs()).toBe(2)
    const [first, second] = told.filter((event) => event.type === 'blocked')
    // the clock is read after 1, 2 and 4 events, and then after every 8: the first time it is one of those 4
    expect(first).toMatchObject({ topic: 'events', partition: 0, offset: 3, lastOffset: 6 })
    expect(second).toMatchObject({
      of: 'pipeline events',
      step: 'the joiner of join rows',
      topic: 'events',
      partition: 0,
      offset: SLOW,
      lastOffset: SLOW,
    })
    const text = 'nothing else ran for 15.0 s, in the joiner of join rows of pipeline events, at events[0] offset 3'
    expect(second).toMatchObject({ reason: text, blockedMs: expect.closeTo(15_000, -3) })
    expect(app.health().problems).toContain(text)
    const dead = inner.source.read({ topic: 'dead', partition: 0, offset: 0 }, AbortSignal.timeout(10_000))
    for await (const { records } of dead) {
      expect(deadLetterInfo(records[0]?.headers ?? [])).toMatchObject({
        reason: 'function-blocked',
        origin: { offset: SLOW },
      })
      break
    }
    await app.close()
  })

  it('is not run a third time if it is known at once which event it was', async () => {
    const { app, inner, runs } = await started({ onError: { deadLetter: 'dead' }, blockMs: 15_000, count: SLOW })
    await expect.poll(() => app.metrics().pipelines.events, LIMIT).toMatchObject({ in: SLOW })
    await produce(inner, events, { key: 'k', value: { i: SLOW } })
    const deadLettered = { 'function-blocked': 1 }
    await expect.poll(() => app.metrics().pipelines.events, LIMIT).toMatchObject({ in: SLOW + 1, deadLettered })
    expect(runs()).toBe(2)
    await app.close()
  })

  it('halts the application the second time, with everything before it committed', async () => {
    const { app } = await started({ onError: 'halt', blockMs: 15_000 })
    await expect(app.closed).rejects.toMatchObject({
      code: 'FUNCTION_BLOCKED',
      topic: 'events',
      partition: 0,
      offset: SLOW,
      message: expect.stringContaining('nothing else ran for 15.0 s'),
    })
    expect(app.metrics().pipelines.events).toMatchObject({ in: SLOW, emitted: SLOW })
  })
})

describe('a function that blocks the event loop for a shorter time', () => {
  it('is reported, and has its result', async () => {
    const { app, told, runs } = await started({ onError: 'halt', blockMs: 5_000 })
    await expect.poll(() => app.metrics().pipelines.events, LIMIT).toMatchObject({ in: 6, emitted: 6 })
    expect(runs()).toBe(1)
    expect(told.filter(({ type }) => type === 'blocked')).toHaveLength(1)
    expect(app.health().problems.join()).toContain('nothing else ran for 5.0 s')
    await app.close()
  })
})
