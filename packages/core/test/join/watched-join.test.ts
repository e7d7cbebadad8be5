import { describe, expect, it } from 'vitest'
import { stream, table, text, topic } from '../../src/index.js'
import type { Failure } from '../../src/outcome/failure.js'
import type { RecordWatch } from '../../src/outcome/record-watch.js'
import { OperatorHarness } from './operator-harness.js'

const serdes = { key: text(), value: text() }
const events = topic('events', serdes)
const rows = topic('rows', serdes)
const BLOCKED: Failure = { reason: 'function-blocked', code: 'FUNCTION_BLOCKED', message: 'it blocked' }

/** A watch that notes what happens, and rejects events before or after their functions run. */
function watching(reject: { readonly before?: number; readonly after?: number } = {}) {
  const seen: string[] = []
  const watch: RecordWatch = {
    rejects({ offset }) {
      seen.push(`rejects ${offset}`)
      return offset === reject.before ? BLOCKED : undefined
    },
    starting: (step) => seen.push(step),
    finished({ offset }) {
      seen.push(`ran ${offset}`)
      return offset === reject.after ? BLOCKED : undefined
    },
  }
  return { watch, seen }
}

const pipeline = () =>
  stream(events, { onError: { deadLetter: 'dead' } })
    .filter((value) => value !== 'out')
    .mapValues((value) => `${value}!`)
    .join(table(rows), (value, row) => `${value}+${row}`, {
      name: 'enrich',
      wait: { atMost: '1m', otherwise: 'drop', ready: (row) => row !== 'draft' },
    })
    .to(topic('out', serdes))

describe('a watched join', () => {
  it('reports each function and serde before it runs, and emits the same results', () => {
    const { watch, seen } = watching()
    const t = new OperatorHarness(pipeline())
    t.row('rows', 'k', 'row')
    t.event('k', 'plain', { offset: 4 })
    t.watch = watch
    t.event('k', 'v', { offset: 5 })
    expect(t.values('out')).toEqual(['plain!+row', 'v!+row'])
    expect(seen).toEqual([
      'rejects 5',
      'the value decoder',
      'the key decoder',
      'the function of filter',
      'the function of mapValues',
      'the value decoder of table rows',
      'wait.ready of join enrich',
      'the joiner of join enrich',
      'the encoder',
      'ran 5',
    ])
  })

  it('does not run the functions of an event that the watch rejects', () => {
    const { watch, seen } = watching({ before: 5 })
    const t = new OperatorHarness(pipeline())
    t.row('rows', 'k', 'row')
    t.watch = watch
    t.event('k', 'a', { offset: 5 })
    t.event('k', 'b', { offset: 6 })
    expect(seen.slice(0, 3)).toEqual(['rejects 5', 'rejects 6', 'the value decoder'])
    expect(t.deadLetters('dead')).toMatchObject([{ reason: 'function-blocked', origin: { offset: 5 } }])
    expect(t.values('out')).toEqual(['b!+row'])
  })

  it('does not use the result of an event that the watch rejects once its functions have run', () => {
    const { watch } = watching({ after: 5 })
    const t = new OperatorHarness(pipeline())
    t.row('rows', 'k', 'row')
    t.watch = watch
    t.event('k', 'a', { offset: 5 })
    t.event('k', 'out', { offset: 6 })
    expect(t.deadLetters('dead')).toMatchObject([{ reason: 'function-blocked', origin: { offset: 5 } }])
    expect([t.values('out'), t.totals.dropped]).toEqual([[], { filtered: 1 }])
  })

  it('watches the events that a row wakes, and is no longer watched without a watch', () => {
    const { watch, seen } = watching()
    const t = new OperatorHarness(pipeline())
    t.event('k', 'v', { offset: 5 })
    t.watch = watch
    t.row('rows', 'k', 'draft')
    expect(seen).toContain('wait.ready of join enrich')
    expect(t.totals.waiting).toBe(1)
    t.watch = undefined
    seen.length = 0
    t.row('rows', 'k', 'row')
    expect([t.values('out'), seen]).toEqual([['v!+row'], []])
  })
})
