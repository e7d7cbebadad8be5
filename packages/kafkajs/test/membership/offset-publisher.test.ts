import { ManualClock } from '@joinery/core/testing'
import { beforeEach, describe, expect, it } from 'vitest'
import { OffsetPublisher, type Offsets } from '../../src/membership/offset-publisher.js'

const EVERY_MS = 1_000

describe('offsets for lag tools', () => {
  let clock: ManualClock
  beforeEach(() => {
    clock = new ManualClock()
  })

  const publisher = (commit: () => Promise<void> = async () => {}) => {
    const sent: Record<string, Record<number, number>>[] = []
    const made = new OffsetPublisher(
      async (offsets: Offsets) => {
        sent.push(Object.fromEntries(Array.from(offsets, ([topic, each]) => [topic, Object.fromEntries(each)])))
        await commit()
      },
      EVERY_MS,
      clock,
    )
    return { made, sent }
  }

  it('are published once per interval, the latest of each partition', async () => {
    const { made, sent } = publisher()
    made.add(0, new Map([['a', 1]]))
    made.add(
      1,
      new Map([
        ['a', 5],
        ['b', 6],
      ]),
    )
    made.add(0, new Map([['a', 2]]))
    expect(sent).toEqual([])
    await clock.advance(EVERY_MS)
    expect(sent).toEqual([{ a: { 0: 2, 1: 5 }, b: { 1: 6 } }])
    await clock.advance(10 * EVERY_MS)
    expect(sent.length).toBe(1)
  })

  it('of a failed commit are published with the next one, unless there are newer ones', async () => {
    let works = false
    const { made, sent } = publisher(async () => {
      if (!works) throw new Error('no broker')
    })
    made.add(
      0,
      new Map([
        ['a', 1],
        ['b', 1],
      ]),
    )
    await clock.advance(EVERY_MS)
    works = true
    made.add(0, new Map([['a', 2]]))
    await clock.advance(EVERY_MS)
    expect(sent.at(-1)).toEqual({ a: { 0: 2 }, b: { 0: 1 } })
  })

  it('are published one commit at a time', async () => {
    let answer = () => {}
    const { made, sent } = publisher(
      () =>
        new Promise((resolve) => {
          answer = resolve
        }),
    )
    made.add(0, new Map([['a', 1]]))
    await clock.advance(EVERY_MS)
    made.add(0, new Map([['a', 2]]))
    await clock.advance(5 * EVERY_MS)
    expect(sent.length).toBe(1)
    answer()
    await clock.advance(EVERY_MS)
    expect(sent.length).toBe(2)
  })

  it('of tasks that other members own now are discarded', async () => {
    const { made, sent } = publisher()
    made.add(0, new Map([['a', 1]]))
    made.add(1, new Map([['a', 1]]))
    made.keep(new Set([1]))
    await made.flush()
    expect(sent).toEqual([{ a: { 1: 1 } }])
  })

  it('that are discarded are not published, not even after a commit that was under way has failed', async () => {
    let fail = () => {}
    let isFirst = true
    const { made, sent } = publisher(() => {
      if (!isFirst) return Promise.resolve()
      isFirst = false
      return new Promise((_, reject) => {
        fail = () => reject(new Error('no broker'))
      })
    })
    made.add(0, new Map([['a', 1]]))
    await clock.advance(EVERY_MS)
    made.add(1, new Map([['a', 2]]))
    made.discard()
    fail()
    await clock.advance(EVERY_MS)
    made.add(2, new Map([['a', 3]]))
    await made.flush()
    expect(sent).toEqual([{ a: { 0: 1 } }, { a: { 2: 3 } }])
  })
})
