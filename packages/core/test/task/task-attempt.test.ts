import { describe, expect, it } from 'vitest'
import { produce } from '../../src/app/produce.js'
import { json, stream, text, topic } from '../../src/index.js'
import { activations, information } from '../app/activation.js'
import { taskWorld } from './task-world.js'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const asked = topic('asked', { key: text(), value: json<number | string>() })
const results = topic('results', { key: text(), value: json<number | string>() })

/** Something that others wait for until it is let go. */
function gate() {
  let letGo: () => void = () => {}
  const passed = new Promise<void>((resolve) => {
    letGo = resolve
  })
  return { passed, letGo }
}

/** A world whose next commit waits until it is let go, and whether that commit has begun. */
function withHeldCommit() {
  const world = taskWorld()
  const held = gate()
  const state = { hasBegun: false }
  const hold = () => {
    world.hooks.commit = (commits) => {
      world.hooks.commit = undefined
      state.hasBegun = true
      return held.passed.then(commits)
    }
  }
  const hasBegun = () => expect.poll(() => state.hasBegun).toBe(true)
  return { ...world, hold, hasBegun, letGo: held.letGo }
}

describe('a call whose claim is being committed', () => {
  async function claiming() {
    const world = withHeldCommit()
    const made: unknown[] = []
    const call = async (value: unknown) => void made.push(value)
    const pipeline = stream(asked).callOnce(call, { inDoubt: { deadLetter: 'in-doubt' } })
    const running = await world.start({ pipeline })
    await running.settled()
    world.hold()
    await produce(world.log, asked, { key: 'a', value: 1 })
    await world.hasBegun() // a claim is committed at once
    return { ...world, ...running, made }
  }

  it('is made once it is committed', async () => {
    const { task, made, letGo, settled } = await claiming()
    expect([made, task.isIdle]).toEqual([[], false])
    letGo()
    await settled()
    expect([made, task.totals]).toMatchObject([[1], { asked: { in: 1, emitted: 1 } }])
    await task.close()
  })

  it('is not made if the task is paused meanwhile: it is made after that', async () => {
    const { clock, task, made, letGo, settled } = await claiming()
    const paused = task.pause()
    letGo()
    await paused
    expect([made, task.totals]).toMatchObject([[], { asked: { in: 1, emitted: 0, waiting: 1 } }])
    task.resume()
    for (let ms = 0; ms < MINUTE_MS && made.length === 0; ms += 100) await clock.advance(100)
    await settled()
    expect([made, task.totals]).toMatchObject([[1], { asked: { in: 1, emitted: 1, waiting: 0 } }])
    await task.close()
  })

  it('is not made if the task is lost meanwhile', async () => {
    const { task, made, letGo, reports } = await claiming()
    const lost = task.closeDirty()
    letGo()
    await lost
    expect(made).toEqual([])
    expect(reports).toMatchObject([['asked', { report: { outcome: 'not-sent', by: 'claimant' } }]])
  })
})

describe('while a commit is under way', () => {
  it('a task takes as many records as one more commit can hold', async () => {
    const { log, hold, hasBegun, letGo, start, clock } = withHeldCommit()
    const { task, settled } = await start({ pipeline: stream(asked).to(results) }) // commits at most 1 MB
    await settled()
    hold()
    await produce(log, asked, { key: 'a', value: 1 })
    await expect.poll(() => task.gauges().uncommittedBytes).toBeGreaterThan(0)
    await clock.advance(100)
    await hasBegun()
    for (let i = 0; i < 40; i++) await produce(log, asked, { key: 'a', value: 'x'.repeat(100_000) })
    const read = () => task.state?.inputs[0]?.next
    await expect.poll(() => task.gauges().uncommittedBytes).toBeGreaterThan(1_000_000)
    await clock.advance(1_000)
    for (let turn = 0; turn < 20; turn++) await clock.yieldToEventLoop()
    expect(task.gauges().uncommittedBytes).toBeLessThan(2_000_000)
    expect(read()).toBeLessThan(41)
    letGo()
    await settled()
    expect([read(), task.totals]).toMatchObject([41, { asked: { in: 41, emitted: 41 } }])
    await task.close()
  })

  it('its session is not closed, nor is the next one opened', async () => {
    const { clock, log, hooks, hold, hasBegun, letGo, start } = withHeldCommit()
    const { task, settled, hasWaiting } = await start()
    await settled()
    hold()
    await produce(log, activations, { key: 'none', value: { n: 1 } })
    await hasWaiting()
    await clock.advance(100)
    await hasBegun()
    const lost = task.closeDirty()
    for (let turn = 0; turn < 20; turn++) await clock.yieldToEventLoop()
    expect([hooks.closedSessions, hooks.reading]).toEqual([0, 0])
    letGo()
    await lost
    expect(hooks.closedSessions).toBe(1)
  })
})

describe('a task', () => {
  it('reads its inputs until it ends', async () => {
    const { hooks, start } = taskWorld()
    const { task, settled } = await start()
    await settled()
    expect(hooks.reading).toBe(2)
    await task.close()
    expect(hooks.reading).toBe(0)
  })

  it('is not idle while it waits for the end offset of a table', async () => {
    const { clock, log, hooks, start } = taskWorld()
    const { task, settled } = await start()
    await settled()
    await produce(log, activations, { key: 'none', value: { n: 1 } })
    await expect.poll(() => task.isIdle).toBe(false)
    await settled()
    const requested = gate()
    hooks.endOffset = () => requested.passed
    await clock.advance(30 * MINUTE_MS) // the event's deadline
    for (let turn = 0; turn < 20; turn++) await clock.yieldToEventLoop()
    expect([task.isIdle, task.totals]).toMatchObject([false, { activation: { waiting: 1 } }])
    requested.letGo()
    await settled()
    expect(task.totals).toMatchObject({ activation: { waiting: 0, deadLettered: { 'no-row': 1 } } })
    await task.close()
  })

  it('is not idle while it waits for the end offset of a stream of calls', async () => {
    const { clock, log, hooks, start } = taskWorld()
    const pipeline = stream(asked).callOnce(async () => {}, { inDoubt: { deadLetter: 'in-doubt' }, retention: '1h' })
    const { task, settled } = await start({ pipeline })
    await settled()
    await produce(log, asked, { key: 'a', value: 1 })
    await expect.poll(() => task.isIdle).toBe(false)
    await settled()
    expect(task.totals).toMatchObject({ asked: { emitted: 1 } })
    const requested = gate()
    hooks.endOffset = () => requested.passed
    await clock.advance(HOUR_MS)
    for (let turn = 0; turn < 20; turn++) await clock.yieldToEventLoop()
    expect(task.isIdle).toBe(false)
    requested.letGo()
    await settled()
    await task.close()
  })

  it('gives no rows of a store that may hold deleted ones', async () => {
    const { clock, log, hooks, start } = taskWorld()
    await produce(log, information, { key: 'a', value: { id: '1' } })
    const { task, settled } = await start()
    await settled()
    const requested = gate()
    hooks.endOffset = () => requested.passed
    // topics in memory keep tombstones for a day: its end offset is requested after 3 hours, and it is stale after 12
    await clock.advance(4 * HOUR_MS)
    await clock.advance(7 * HOUR_MS)
    expect(task.storeOf('information')).toBeDefined()
    await clock.advance(2 * HOUR_MS)
    expect(task.storeOf('information')).toBeUndefined()
    await task.closeDirty()
  })
})
