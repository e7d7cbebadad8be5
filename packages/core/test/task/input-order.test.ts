import { describe, expect, it } from 'vitest'
import { chooseInput, type OrderedInput } from '../../src/task/input-order.js'

const TABLE = 0
const STREAM = 1

interface Parts {
  readonly rank?: number
  readonly lag?: number | undefined
  readonly isPaused?: boolean
}

function input(headTimestamp: number | undefined, { rank = STREAM, isPaused = false, ...parts }: Parts = {}) {
  const lag = 'lag' in parts ? parts.lag : 0
  const made: OrderedInput = { headTimestamp, lag, rank, isPaused, idleSince: undefined }
  return made
}

describe('the order of inputs', () => {
  it('takes the lowest timestamp, and says up to where', () => {
    const [a, b, c] = [input(30), input(10), input(20)]
    expect(chooseInput([a, b, c], 0, 0)).toEqual({ type: 'take', input: b, before: 20 })
    expect(chooseInput([b, c, a], 0, 0)).toEqual({ type: 'take', input: b, before: 20 })
    expect(chooseInput([c, a, b], 0, 0)).toEqual({ type: 'take', input: b, before: 20 })
  })

  it('takes the table first on a tie, wherever it stands', () => {
    const [stream, table] = [input(10), input(10, { rank: TABLE })]
    expect(chooseInput([stream, table], 0, 0)).toEqual({ type: 'take', input: table, before: 10 })
    expect(chooseInput([table, stream], 0, 0)).toEqual({ type: 'take', input: table, before: 10 })
  })

  it('takes a single input without a bound', () => {
    const only = input(10)
    expect(chooseInput([only], 0, 0)).toEqual({ type: 'take', input: only, before: Number.POSITIVE_INFINITY })
  })

  it('understands timestamps that are 0 or negative', () => {
    const [zero, before] = [input(0), input(-1)]
    expect(chooseInput([zero, before], 0, 0)).toEqual({ type: 'take', input: before, before: 0 })
  })

  it('leaves a blocked input out: neither taken, nor waited for, nor a bound', () => {
    const [blocked, table] = [input(1, { isPaused: true }), input(5, { rank: TABLE })]
    const empty = input(undefined, { isPaused: true, lag: 7 })
    expect(chooseInput([blocked, empty, table], 1_000, 0)).toEqual({
      type: 'take',
      input: table,
      before: Number.POSITIVE_INFINITY,
    })
    expect(chooseInput([blocked], 0, 0)).toEqual({ type: 'wait', until: undefined })
  })

  it('waits for an input that has more to fetch, or whose end is not known', () => {
    for (const lag of [3, undefined]) {
      const missing = input(undefined, { lag })
      expect(chooseInput([input(1), missing], 0, 0)).toEqual({ type: 'wait', until: undefined })
      expect(missing.idleSince).toBeUndefined()
    }
  })

  it('does not wait for an input that has caught up, by default', () => {
    const head = input(1)
    expect(chooseInput([head, input(undefined)], 0, 50)).toEqual({
      type: 'take',
      input: head,
      before: Number.POSITIVE_INFINITY,
    })
  })

  it('waits maxIdle for an input that has caught up, from when it was first seen empty', () => {
    const [head, empty] = [input(1), input(undefined)]
    expect(chooseInput([head, empty], 100, 50)).toEqual({ type: 'wait', until: 150 })
    expect(chooseInput([head, empty], 100, 149)).toEqual({ type: 'wait', until: 150 })
    expect(chooseInput([head, empty], 100, 150)).toMatchObject({ type: 'take', input: head })
  })

  it('begins to wait anew after the input had something', () => {
    const head = input(1)
    const empty = { ...input(undefined), headTimestamp: undefined as number | undefined }
    chooseInput([head, empty], 100, 0)
    empty.headTimestamp = 9
    expect(chooseInput([head, empty], 100, 90)).toEqual({ type: 'take', input: head, before: 9 })
    empty.headTimestamp = undefined
    expect(chooseInput([head, empty], 100, 100)).toEqual({ type: 'wait', until: 200 })
  })

  it('looks again when the first of several waits is over', () => {
    const [head, first, second] = [input(1), input(undefined), input(undefined)]
    chooseInput([head, first], 100, 0)
    expect(chooseInput([head, first, second], 100, 40)).toEqual({ type: 'wait', until: 100 })
    expect(chooseInput([head, first, second], 100, 100)).toEqual({ type: 'wait', until: 140 })
  })

  it('waits for nobody when maxIdle is never', () => {
    const head = input(1)
    const others = [input(undefined, { lag: 9 }), input(undefined, { lag: undefined }), input(undefined)]
    expect(chooseInput([head, ...others], -1, 0)).toEqual({
      type: 'take',
      input: head,
      before: Number.POSITIVE_INFINITY,
    })
  })

  it('has nothing to take when all are empty', () => {
    expect(chooseInput([input(undefined), input(undefined)], 0, 0)).toEqual({ type: 'wait', until: undefined })
    expect(chooseInput([], 0, 0)).toEqual({ type: 'wait', until: undefined })
  })
})
