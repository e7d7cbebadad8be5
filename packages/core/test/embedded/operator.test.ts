import { describe, expect, it } from 'vitest'
import { memoryStores, stream, table, text, topic } from '../../src/index.js'
import type { ChangelogRecord } from '../../src/log.js'
import { type Operator, type OperatorOptions, openOperator, type Step } from '../../src/operator.js'
import type { Pipeline } from '../../src/pipeline/pipeline.js'
import { faultyStores, ManualClock } from '../../src/testing.js'
import { brief, durableStores, record } from './records.js'

const serdes = { key: text(), value: text() }
const rows = topic('rows', serdes)
const waiting = stream(topic('events', serdes), { onError: { deadLetter: 'dead' } })
  .join(table(rows, { onError: { deadLetter: 'dead' } }), (value, row) => `${value}+${row}`, {
    wait: { atMost: '10s', otherwise: { deadLetter: 'dead' }, maxRecords: 2 },
  })
  .to(topic('results', serdes))
const event = (offset: number, key: string, value = `e${offset}`) => record('events', offset, key, value)
const row = (offset: number, key: string, value: string | null) => record('rows', offset, key, value)

const open = (options: Partial<OperatorOptions> = {}, pipeline: Pipeline = waiting): Promise<Operator> =>
  openOperator(pipeline, { application: 'a', partition: 0, ...options })
async function committed(step: Promise<Step>): Promise<Step> {
  const done = await step
  await done.commit()
  return done
}
const invalid = (text: RegExp) =>
  expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringMatching(text) })

describe('an operator in a consumer of somebody', () => {
  it('joins events with rows, and wakes an event when its row comes', async () => {
    await using operator = await open()
    const step = await operator.process([row(0, 'a', 'r'), event(0, 'a'), event(1, 'b'), event(2, 'a')])
    expect([step.consumed, step.repeated, brief(step.outputs)]).toEqual([
      4,
      0,
      [
        ['e0+r', 0],
        ['e2+r', 2],
      ],
    ])
    expect(step.outputs.map(({ topic: of }) => of)).toEqual(['results', 'results'])
    await step.commit()
    expect(operator.metrics()).toMatchObject({ in: 3, emitted: 2, waiting: 1 })
    expect(brief((await committed(operator.process([row(1, 'b', 's')]))).outputs)).toEqual([['e1+s', 1]])
    expect(operator.metrics()).toMatchObject({ in: 3, emitted: 3, waiting: 0 })
    expect(operator.positions).toEqual({ events: 3, rows: 2 })
  })

  it('is what it was before a step that is discarded', async () => {
    await using operator = await open()
    await committed(operator.process([event(0, 'a'), row(0, 'b', 'r')]))
    const step = await operator.process([row(1, 'a', 's'), event(1, 'b')])
    expect(brief(step.outputs)).toEqual([
      ['e0+s', 0],
      ['e1+r', 1],
    ])
    step.discard()
    expect([operator.positions, operator.metrics().waiting]).toEqual([{ events: 1, rows: 1 }, 1])
    const again = await committed(operator.process([row(1, 'a', 't'), event(1, 'b')]))
    expect(brief(again.outputs)).toEqual([
      ['e0+t', 0],
      ['e1+r', 1],
    ])
    expect(operator.metrics()).toMatchObject({ in: 2, emitted: 2, waiting: 0 })
  })

  it('has one step at a time, which ends once', async () => {
    await using operator = await open()
    const step = await operator.process([event(0, 'a')])
    await expect(operator.process([event(1, 'a')])).rejects.toThrow(invalid(/commit or discard/))
    await expect(operator.expire(() => 0)).rejects.toThrow(invalid(/commit or discard/))
    await step.commit()
    await expect(step.commit()).rejects.toThrow(invalid(/committed/))
    expect(() => step.discard()).toThrow(invalid(/committed/))
    expect((await committed(operator.process([event(1, 'b')]))).consumed).toBe(1)
  })

  it('passes over what it has processed before, and says how much that was', async () => {
    await using operator = await open()
    await committed(operator.process([row(0, 'a', 'r'), event(0, 'a'), event(5, 'b')]))
    const step = await committed(operator.process([event(0, 'a'), row(0, 'a', 'r'), event(5, 'b'), event(6, 'a')]))
    expect([step.consumed, step.repeated, brief(step.outputs)]).toEqual([4, 3, [['e6+r', 6]]])
    expect(operator.metrics()).toMatchObject({ in: 3, emitted: 2, waiting: 1 })
  })

  it('stops before an event that has no place, and takes it once there is one', async () => {
    await using operator = await open()
    const events = [event(0, 'a'), event(1, 'b'), event(2, 'c'), event(3, 'd')]
    const first = await committed(operator.process(events, { events: 9 }))
    expect([first.consumed, operator.positions.events]).toEqual([2, 2])
    expect((await committed(operator.process(events.slice(2)))).consumed).toBe(0)
    expect(brief((await committed(operator.process([row(0, 'a', 'r')]))).outputs)).toEqual([['e0+r', 0]])
    expect((await committed(operator.process(events.slice(2)))).consumed).toBe(1)
  })

  it('takes what it was told to put aside, and tells of it', async () => {
    await using operator = await open()
    const bad = { value: Buffer.from([0xff]) }
    const step = await committed(
      operator.process([
        record('events', 0, 'a', null, bad),
        record('rows', 0, 'a', null, bad),
        record('rows', 1, null, 'r'),
        record('events', 1, null, 'no key'),
      ]),
    )
    expect(step.outputs.map(({ topic: of }) => of)).toEqual(['dead', 'dead'])
    expect(step.outcomes.map(({ type, reason, origin }) => [type, reason, origin.topic])).toEqual([
      ['dead-lettered', 'undecodable', 'events'],
      ['dead-lettered', 'undecodable', 'rows'],
      ['dropped', 'null-key', 'rows'],
      ['dropped', 'null-key', 'events'],
    ])
  })

  it('stops in front of a record that halts the application, and throws if nothing comes before it', async () => {
    const halting = stream(topic('events', serdes))
      .leftJoin(table(rows), (value, found) => {
        if (value === 'bad') throw new Error('no')
        return `${value}+${found}`
      })
      .to(topic('results', serdes))
    await using operator = await open({}, halting)
    await committed(operator.process([row(0, 'a', 'r')]))
    const records = [row(1, 'a', 's'), event(0, 'a'), event(1, 'a', 'bad'), event(2, 'a')]
    const halt = expect.objectContaining({ code: 'FUNCTION_THREW', topic: 'events', offset: 1 })
    const step = await committed(operator.process(records))
    expect([step.consumed, step.error, brief(step.outputs)]).toEqual([2, halt, [['e0+s', 0]]])
    expect(operator.metrics()).toMatchObject({ in: 1, emitted: 1 })
    for (const _ of [1, 2]) await expect(operator.process(records.slice(2))).rejects.toThrow(halt)
    expect(operator.metrics()).toMatchObject({ in: 1, emitted: 1 })
  })

  it('refuses records that are not its own, before it looks at any', async () => {
    await using operator = await open()
    await expect(operator.process([event(0, 'a'), record('others', 0, 'a', 'v')])).rejects.toThrow(invalid(/others/))
    await expect(operator.process([record('events', 0, 'a', 'v', { partition: 1 })])).rejects.toThrow(invalid(/\[1\]/))
    await expect(operator.process([], { others: 1 })).rejects.toThrow(invalid(/others/))
    expect((await operator.process([event(0, 'a')])).consumed).toBe(1)
  })

  it('does not work after it was closed', async () => {
    const operator = await open()
    await operator[Symbol.asyncDispose]()
    await operator[Symbol.asyncDispose]()
    await expect(operator.process([])).rejects.toThrow(expect.objectContaining({ code: 'STORE_CLOSED' }))
  })

  it('asks no more of a topic than it is told', async () => {
    const passing = stream(topic('events', serdes), { onError: { deadLetter: 'dead' } }).to(topic('results', serdes))
    const keyless = record('events', 0, null, 'v', { partition: 5 })
    await using free = await open({ partition: 5 }, passing)
    expect((await free.process([keyless])).outputs[0]?.partition).toBe(5)
    await using bound = await open(
      { partition: 5, outputs: { results: { partitions: 3, maxMessageBytes: 300 } } },
      passing,
    )
    const step = await bound.process([keyless, record('events', 1, null, 'v'.repeat(300), { partition: 5 })])
    expect(step.outputs.map(({ topic: of, partition }) => [of, partition])).toEqual([
      ['results', 2],
      ['dead', 5],
    ])
    expect(step.outcomes.map(({ reason }) => reason)).toEqual(['too-large'])
  })

  it('is not for pipelines that make calls', async () => {
    const calls = stream(topic('events', serdes)).callOnce(async () => 'x', { inDoubt: { deadLetter: 'doubts' } })
    await expect(open({}, calls as unknown as Pipeline)).rejects.toThrow(
      expect.objectContaining({ code: 'PIPELINE_INVALID' }),
    )
  })

  it('is not for tables with a bound, which only run keeps', async () => {
    const bounded = stream(topic('events', serdes))
      .join(table(topic('rows', serdes), { maxBytes: '1GiB' }), (value) => value)
      .to(topic('results', serdes))
    await expect(open({}, bounded)).rejects.toThrow(
      expect.objectContaining({
        code: 'PIPELINE_INVALID',
        message: expect.stringContaining('table rows has maxBytes'),
      }),
    )
  })
})

describe('expiry', () => {
  const at = (clock: ManualClock) => open({ clock })

  it('happens at the deadline, once the end of the table was processed that was asked for then', async () => {
    const clock = new ManualClock(1_000)
    await using operator = await at(clock)
    expect(operator.nextDeadline).toBeUndefined()
    await committed(operator.process([row(0, 'x', 'r'), event(0, 'a')]))
    expect(operator.nextDeadline).toBe(11_000)
    let asked = 0
    const ends = () => {
      asked++
      return 1
    }
    expect((await committed(operator.expire(ends))).outputs).toEqual([])
    expect(asked).toBe(0)
    await clock.advance(10_000)
    const step = await committed(operator.expire(ends))
    expect(step.outcomes).toMatchObject([{ type: 'dead-lettered', reason: 'no-row', origin: { offset: 0 } }])
    expect([asked, operator.nextDeadline, operator.metrics().waiting]).toEqual([1, undefined, 0])
  })

  it('waits until that end was processed, and an event whose row comes before it is joined', async () => {
    const clock = new ManualClock(0)
    await using operator = await at(clock)
    await committed(operator.process([event(0, 'a'), event(1, 'b')]))
    await clock.advance(10_000)
    const asked: unknown[] = []
    const step = await committed(
      operator.expire((end) => {
        asked.push(end)
        return Promise.resolve(3)
      }),
    )
    expect([asked, step.outputs]).toEqual([[{ topic: 'rows', partition: 0 }], []])
    expect(operator.nextDeadline).toBeUndefined() // it is the records' turn
    expect((await committed(operator.process([row(0, 'x', 'r')]))).outputs).toEqual([])
    const reached = await committed(operator.process([row(1, 'a', 'late, and still in time'), row(2, 'x', 's')]))
    expect(brief(reached.outputs)).toEqual([
      ['e0+late, and still in time', 0],
      ['e1', 1],
    ])
    expect(operator.metrics()).toMatchObject({ emitted: 1, deadLettered: { 'no-row': 1 }, waiting: 0 })
  })

  it('takes a word for offsets that hold no record', async () => {
    const clock = new ManualClock(0)
    await using operator = await at(clock)
    await committed(operator.process([event(0, 'a')]))
    await clock.advance(10_000)
    await committed(operator.expire(() => 2))
    expect((await committed(operator.process([], { rows: 1 }))).outputs).toEqual([])
    expect(brief((await committed(operator.process([], { rows: 2 }))).outputs)).toEqual([['e0', 0]])
  })

  it('keeps deadlines over a restart', async () => {
    const clock = new ManualClock(0)
    const stores = durableStores()
    const first = await open({ clock, stores })
    await committed(first.process([event(0, 'a')]))
    await first[Symbol.asyncDispose]()
    await clock.advance(9_000)
    await using second = await open({ clock, stores })
    expect(second.nextDeadline).toBe(10_000)
    await clock.advance(1_000)
    expect(brief((await committed(second.expire(() => 0))).outputs)).toEqual([['e0', 0]])
  })

  it('leaves nothing behind if the end cannot be asked for', async () => {
    const clock = new ManualClock(0)
    await using operator = await at(clock)
    await committed(operator.process([event(0, 'a')]))
    await clock.advance(10_000)
    await expect(operator.expire(() => Promise.reject(new Error('no broker')))).rejects.toThrow('no broker')
    expect(operator.nextDeadline).toBe(10_000)
    expect(brief((await committed(operator.expire(() => 0))).outputs)).toEqual([['e0', 0]])
  })
})

describe('the state of an operator', () => {
  it('outlives it in stores that do', async () => {
    const stores = durableStores()
    const first = await open({ stores })
    await committed(first.process([row(0, 'a', 'r'), event(0, 'a'), event(1, 'b')]))
    await first[Symbol.asyncDispose]()
    await using second = await open({ stores })
    expect(second.positions).toEqual({ events: 2, rows: 1 })
    expect(second.metrics()).toMatchObject({ in: 2, emitted: 1, waiting: 1 })
    expect(brief((await second.process([row(1, 'b', 's'), event(2, 'a')])).outputs)).toEqual([
      ['e1+s', 1],
      ['e2+r', 2],
    ])
  })

  it('is restored from a changelog that its caller has kept', async () => {
    const clock = new ManualClock(0)
    const changelog: ChangelogRecord[] = []
    const first = await open({ clock })
    for (const records of [[row(0, 'a', 'r'), event(0, 'b')], [row(1, 'c', 's'), event(1, 'd')], [row(2, 'b', 't')]])
      changelog.push(...(await committed(first.process(records))).changelog)
    await using second = await open({ clock })
    async function* kept() {
      yield* changelog
    }
    await second.restore(kept())
    expect(second.positions).toEqual(first.positions)
    expect(second.metrics()).toEqual(first.metrics())
    const step = await second.process([event(2, 'a'), event(3, 'c'), event(4, 'b'), row(3, 'd', 'u')])
    expect(brief(step.outputs)).toEqual([
      ['e2+r', 2],
      ['e3+s', 3],
      ['e4+t', 4],
      ['e1+u', 1],
    ])
  })

  it('ends with the last step of a changelog that was written to its end', async () => {
    const first = await open()
    const one = await committed(first.process([event(0, 'a')]))
    const two = await committed(first.process([row(0, 'a', 'r'), row(1, 'b', 's')]))
    await using second = await open()
    await second.restore([...one.changelog, ...two.changelog.slice(0, -1)])
    expect(second.positions).toEqual({ events: 1 })
    expect(second.metrics()).toMatchObject({ in: 1, emitted: 0, waiting: 1 })
    expect(brief((await second.process([row(0, 'a', 'r')])).outputs)).toEqual([['e0+r', 0]])
  })

  it('is not changed by what a step has left in the changelog that did not come to its end', async () => {
    const first = await open()
    const one = await committed(first.process([row(0, 'b', 'r'), event(0, 'a')]))
    const cut = await first.process([row(1, 'a', 's'), row(2, 'b', null)])
    const changelog = [...one.changelog, ...cut.changelog.slice(0, -1)] // its outputs may not have been written
    await using second = await open()
    await second.restore(changelog)
    changelog.push(...(await committed(second.process([event(1, 'c')]))).changelog)
    await using third = await open()
    await third.restore(changelog)
    expect(third.metrics()).toMatchObject({ in: 2, waiting: 2 })
    const step = await third.process([event(2, 'b'), row(1, 'a', 's')])
    expect(brief(step.outputs)).toEqual([
      ['e2+r', 2],
      ['e0+s', 0],
    ])
  })

  it('is none without a POSITION: no step has come to its end', async () => {
    const first = await open()
    const { changelog } = await committed(first.process([event(0, 'a'), row(0, 'b', 'r')]))
    await using second = await open()
    await second.restore(changelog.slice(0, 2))
    expect([second.positions, second.metrics().in]).toEqual([{}, 0])
    expect((await second.process([event(0, 'a')])).repeated).toBe(0)
  })

  it('is of this pipeline, and of an operator', async () => {
    const stores = durableStores()
    await using first = await open({ stores })
    await committed(first.process([event(0, 'a')]))
    const other = stream(topic('events', serdes)).to(topic('results', serdes))
    await expect(open({ stores }, other)).rejects.toThrow(expect.objectContaining({ code: 'PIPELINE_CHANGED' }))

    const strange = durableStores()
    const store = await strange.open({ application: 'a', name: '$waiters', partition: 0, token: 0, changelogId: 'c' })
    await store.commit([], '{"topic":"c","at":1,"fresh":2}')
    await expect(open({ stores: strange })).rejects.toThrow(invalid(/other stores/))
  })

  it('tells of rows that stores have let go, which were told that they may', async () => {
    await using operator = await open({ stores: memoryStores({ maxRows: 2, onFull: 'evict-and-lose-rows' }) })
    await committed(operator.process([row(0, 'a', 'r'), row(1, 'b', 'r')]))
    expect(operator.lostRows).toBe(0)
    await committed(operator.process([row(2, 'c', 'r')]))
    expect(operator.lostRows).toBe(1)
  })

  it('is fenced by a later owner', async () => {
    const stores = memoryStores()
    await using first = await open({ stores, token: 1 })
    const step = await first.process([event(0, 'a')])
    await using second = await open({ stores, token: 2 })
    await expect(step.commit()).rejects.toThrow(expect.objectContaining({ code: 'STORE_FENCED' }))
    await expect(open({ stores, token: 1 })).rejects.toThrow(expect.objectContaining({ code: 'STORE_FENCED' }))
    expect((await committed(second.process([event(0, 'a')]))).consumed).toBe(1)
  })

  it('takes a commit again that a store has failed, or the records again without it', async () => {
    let failing = false
    const stores = faultyStores(durableStores(), { commit: () => (failing ? 1 : undefined) })
    await using operator = await open({ stores })
    const step = await operator.process([event(0, 'a'), event(1, 'b'), row(0, 'c', 'r')])
    failing = true
    await expect(step.commit()).rejects.toThrow(expect.objectContaining({ code: 'STORE_FAILED', retriable: true }))
    failing = false
    await step.commit()
    expect(operator.metrics()).toMatchObject({ in: 2, waiting: 2 })
    const next = await operator.process([row(1, 'a', 's'), event(2, 'c')])
    failing = true
    await expect(next.commit()).rejects.toThrow()
    next.discard()
    failing = false
    const again = await committed(operator.process([row(1, 'a', 's'), event(2, 'c')]))
    expect(brief(again.outputs)).toEqual([
      ['e0+s', 0],
      ['e2+r', 2],
    ])
    expect(operator.metrics()).toMatchObject({ in: 3, emitted: 2, waiting: 1 })
  })

  it('forgets events of a commit that was cut off: they come again, once', async () => {
    const kept = durableStores()
    let cut = true
    const stores = faultyStores(kept, { commit: () => (cut ? 1 : undefined) })
    const first = await open({ stores })
    await expect((await first.process([event(0, 'a'), event(1, 'b')])).commit()).rejects.toThrow()
    cut = false
    await committed((await open({ stores: kept })).process([event(0, 'a')])) // its waiting event was in the cut commit, too
    await using second = await open({ stores: kept })
    expect(second.metrics()).toMatchObject({ in: 1, waiting: 1 })
    const step = await committed(second.process([event(0, 'a'), row(0, 'a', 'r'), event(1, 'a')]))
    expect(brief(step.outputs)).toEqual([
      ['e0+r', 0],
      ['e1+r', 1],
    ])
    await using third = await open({ stores: kept })
    expect(third.metrics()).toMatchObject({ in: 2, emitted: 2, waiting: 0 })
  })
})
