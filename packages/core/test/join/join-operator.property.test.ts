import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { deadLetterInfo, stream, table, text, topic } from '../../src/index.js'
import type { Pipeline } from '../../src/pipeline/pipeline.js'
import { OperatorHarness } from './operator-harness.js'

const serdes = { key: text(), value: text() }
const deadLetter = { deadLetter: 'dead' }
const concat = (value: string, row: string | undefined) => `${value}+${row}`

/** Three joins: one that waits for a row that is ready, one that waits, one that does not. */
const pipeline = (limits: { maxRecords: number; whenFull: 'pause' | typeof deadLetter }): Pipeline =>
  stream(topic('events', serdes))
    .filter((value) => !value.startsWith('3'))
    .join(table(topic('left', serdes)), concat, {
      wait: { atMost: '20ms', otherwise: deadLetter, ready: (row) => row !== 'draft', ...limits },
    })
    .leftJoin(table(topic('right', serdes)), concat, { wait: { atMost: '35ms', ...limits } })
    .leftJoin(table(topic('third', serdes)), concat)
    .to(topic('out', serdes))

const key = fc.constantFrom('a', 'b', 'c')
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ does: fc.constant('event' as const), key: fc.option(key, { freq: 9 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant('row' as const),
      table: fc.constantFrom('left', 'right', 'third'),
      key,
      row: fc.constantFrom('draft', 'r', 's', null),
    }),
  },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('time' as const), by: fc.nat(15) }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('reach' as const), table: fc.constantFrom('left', 'right') }) },
)
type Step = (typeof step)['generate'] extends (...args: never[]) => { value: infer V } ? V : never

const steps = fc.array(step, { minLength: 1, maxLength: 60 })

/** Runs a script; paused events are offered again after every step, in order. */
function play(script: readonly Step[], harness: OperatorHarness, between: (at: number) => void = () => {}) {
  const backlog: ReturnType<OperatorHarness['record']>[] = []
  script.forEach((each, at) => {
    between(at)
    if (each.does === 'event') backlog.push(harness.record(each.key, `${at}`, { offset: at }))
    else if (each.does === 'row') harness.row(each.table, each.key, each.row)
    else if (each.does === 'time') harness.now += each.by
    else harness.reachEnd(each.table)
    backlog.splice(0, harness.process(backlog))
  })
  return backlog
}

/** @returns topic, value, reason and origin of each output */
const story = ({ outputs }: OperatorHarness) =>
  outputs.map(({ topic, value, headers }) => {
    const info = deadLetterInfo(headers)
    return [topic, value === null ? null : String(value), info?.reason, info?.ageMs]
  })

const rooms = fc.record({
  maxRecords: fc.integer({ min: 1, max: 4 }),
  whenFull: fc.constantFrom<'pause' | typeof deadLetter>('pause', deadLetter),
})

describe('the join operator, for any input', () => {
  it('gives each event one outcome, keeps the order of a key, and keeps no event when every wait is over', () => {
    fc.assert(
      fc.property(steps, rooms, (script, room) => {
        const harness = new OperatorHarness(pipeline(room))
        const backlog = play(script, harness)
        // every table reaches end offsets requested long after all deadlines, repeatedly, until no event waits
        for (let round = 0; round < script.length + 2; round++) {
          harness.now += 1_000
          harness.reachEnd('left')
          harness.reachEnd('right')
          backlog.splice(0, harness.process(backlog))
        }
        expect([backlog.length, harness.totals.waiting]).toEqual([0, 0])
        const events = script.flatMap((each, at) => (each.does === 'event' ? [{ ...each, at }] : []))
        expect(harness.totals.in).toBe(events.length)
        const emitted = harness.outputs.filter(({ topic }) => topic === 'out')
        for (const name of ['a', 'b', 'c']) {
          const order = emitted
            .filter((record) => record.key?.toString() === name)
            .map(({ value }) => Number.parseInt(String(value), 10))
          expect(order).toEqual([...order].sort((a, b) => a - b))
        }
        const seen = [...harness.outputs, ...harness.outcomes.filter(({ type }) => type === 'dropped')].length
        expect(seen).toBe(events.length)
      }),
      { numRuns: 1_000 },
    )
  })

  it('does not dead-letter an event whose row is missing before its deadline', () => {
    fc.assert(
      fc.property(steps, rooms, (script, room) => {
        const harness = new OperatorHarness(pipeline(room))
        play(script, harness)
        for (const { headers, topic } of harness.outputs) {
          const info = topic === 'dead' ? deadLetterInfo(headers) : undefined
          if (info !== undefined && info.reason !== 'wait-buffer-full') expect(info.ageMs).toBeGreaterThanOrEqual(20)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('has the same outputs with restarts at any point', () => {
    // after a tombstone an event stays at its join until it is evaluated, and a restart evaluates it sooner
    const withoutTombstones = steps.map((script) => script.filter((each) => each.does !== 'row' || each.row !== null))
    fc.assert(
      fc.property(withoutTombstones, rooms, fc.array(fc.nat(60)), (script, room, restarts) => {
        const [through, restarted] = [new OperatorHarness(pipeline(room)), new OperatorHarness(pipeline(room))]
        const reached = new Map<string, number>()
        play(script, through)
        play(script, restarted, (at) => {
          if (restarts.includes(at)) {
            restarted.restart()
            restarted.open()
            for (const [name, time] of reached) restarted.reachEnd(name, time)
          }
          const each = script[at]
          if (each?.does === 'reach') reached.set(each.table, restarted.now)
        })
        expect(story(restarted)).toEqual(story(through))
        expect(restarted.totals).toEqual(through.totals)
        expect(restarted.state).toEqual(through.state)
      }),
      { numRuns: 1_000 },
    )
  })

  it('has the same outputs if the events of a key are evaluated in parts', () => {
    fc.assert(
      fc.property(steps, rooms, fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1 }), (script, room, limits) => {
        let part = 0
        const limit = () => limits[part++ % limits.length] as number
        const [whole, parts] = [new OperatorHarness(pipeline(room)), new OperatorHarness(pipeline(room), { limit })]
        expect(play(script, parts)).toEqual(play(script, whole))
        expect(story(parts)).toEqual(story(whole))
        expect([parts.totals, parts.state]).toEqual([whole.totals, whole.state])
      }),
      { numRuns: 1_000 },
    )
  })

  it('has the same outputs for one batch as for many', () => {
    fc.assert(
      fc.property(fc.array(fc.option(key, { freq: 9 }), { maxLength: 30 }), rooms, (keys, room) => {
        const [whole, single] = [new OperatorHarness(pipeline(room)), new OperatorHarness(pipeline(room))]
        for (const harness of [whole, single]) {
          harness.row('left', 'a', 'r')
          harness.row('left', 'c', 'draft')
        }
        const consumed = whole.process(keys.map((name, at) => whole.record(name, `${at}`, { offset: at })))
        let count = 0
        for (const [at, name] of keys.entries()) {
          if (single.process([single.record(name, `${at}`, { offset: at })]) === 0) break
          count++
        }
        expect(consumed).toBe(count)
        expect(story(whole)).toEqual(story(single))
        expect(whole.totals).toEqual(single.totals)
      }),
    )
  })
})
