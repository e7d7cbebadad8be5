import { describe, expect, it } from 'vitest'
import { stream, table, text, topic } from '../../src/index.js'
import { OperatorHarness } from './operator-harness.js'

const named = (name: string) => topic(name, { key: text(), value: text() })
const [events, rows, out] = [named('events'), named('rows'), named('out')]

describe('the next deadline', () => {
  const wait = (atMost: '1m' | '2m' | '3m') => ({ wait: { atMost, otherwise: 'drop' as const } })
  const others = named('others')
  const chain = () =>
    stream(events)
      .join(table(rows), (value, row) => value + row, { name: 'first', ...wait('3m') })
      .join(table(others), (value, row) => value + row, { name: 'second', ...wait('1m') })
      .join(table(rows), (value, row) => value + row, { name: 'third', ...wait('2m') })
      .to(out)

  it('is the earliest of all events that wait for a table, at whichever join', () => {
    const t = new OperatorHarness(chain(), { now: 0 })
    expect([t.nextDeadline('rows'), t.nextDeadline('others')]).toEqual([undefined, undefined])
    t.event('a', 'v')
    expect([t.nextDeadline('rows'), t.nextDeadline('others')]).toEqual([180_000, undefined])
    t.now = 1_000
    t.row('rows', 'b', 'row')
    t.event('b', 'v')
    expect([t.nextDeadline('rows'), t.nextDeadline('others')]).toEqual([180_000, 61_000])
    t.row('rows', 'a', 'row')
    expect([t.nextDeadline('rows'), t.nextDeadline('others')]).toEqual([undefined, 60_000])
  })

  it('is the earlier one of two joins with the same table', () => {
    const concat = (value: string, row: string) => value + row
    const t = new OperatorHarness(
      stream(events)
        .join(table(rows), concat, { name: 'first', ...wait('3m') })
        .join(table(rows), concat, { name: 'second', wait: { atMost: '1m', otherwise: 'drop', ready: () => false } })
        .to(out),
      { now: 0 },
    )
    t.event('a', 'v')
    t.row('rows', 'b', 'row')
    t.event('b', 'v')
    expect(t.nextDeadline('rows')).toBe(60_000)
    t.now = 150_000
    t.event('b2', 'v')
    t.row('rows', 'a', 'row')
    expect(t.nextDeadline('rows')).toBe(60_000)
    t.reachEnd('rows', 60_000)
    expect(t.nextDeadline('rows')).toBe(150_000 + 180_000)
    expect(t.totals.dropped).toEqual({ 'not-ready': 2 })
  })
})
