import { describe, expect, it } from 'vitest'
import { deadLetterInfo, json, type LogRecord, type Pipeline, stream, table, text, topic } from '../../src/index.js'
import { type FunctionWatch, functionWatch, openOperator, type Step } from '../../src/operator.js'
import { blockingClock } from '../task/blocked/blocking-clock.js'

interface Event {
  readonly i: number
}

const SLOW = 3
const events = topic('events', { key: text(), value: json<Event>() })
const rows = topic('rows', { key: text(), value: json<{ r: number }>() })
const results = topic('results', { key: text(), value: json<Event>() })

const record = (of: string, offset: number, value: object): LogRecord => ({
  ...{ topic: of, partition: 0, offset, key: Buffer.from('k'), timestamp: 0, headers: [] },
  value: Buffer.from(JSON.stringify(value)),
})
const RECORDS = [record('rows', 0, { r: 1 }), ...Array.from({ length: 6 }, (_, i) => record('events', i, { i }))]

/** A process: operators come and go, as a group assigns its partition. */
function operatorProcess(onError: 'halt' | { readonly deadLetter: string }) {
  const { clock, block } = blockingClock()
  const reasons: string[] = []
  let blocks = 0
  const pipeline: Pipeline = stream(events, { onError })
    .join(table(rows), (event) => {
      if (event.i === SLOW) {
        blocks++
        block(30_000)
      }
      return event
    })
    .to(results)
  const watch = functionWatch({ sessionTimeout: '30s', clock, onBlocked: ({ reason }) => reasons.push(reason) })
  /** The partition is assigned, and its records are processed. Then the group assigns it to another process. */
  const assigned = async (use: (step: Step) => void): Promise<void> => {
    await using operator = await openOperator(pipeline, { application: 'a', partition: 0, clock, watch })
    use(await operator.process(RECORDS))
  }
  return { assigned, watch, reasons, blocks: () => blocks }
}

describe('a function that blocks the event loop of an own consumer', () => {
  it('is reported, and its event is dead-lettered the second time, whichever operator it has', async () => {
    const { assigned, watch, reasons, blocks } = operatorProcess({ deadLetter: 'dead' })
    await assigned(({ outputs }) => expect(outputs).toHaveLength(6))
    expect(reasons).toEqual([
      'nothing else ran for 30.0 s, in the functions and serdes of pipeline events, at one of the offsets 0 to 5 of events[0]',
    ])
    for (const _ of ['second', 'third']) {
      await assigned(({ outputs, error }) => {
        expect(error).toBeUndefined()
        expect(outputs.map(({ topic: of }) => of)).toEqual([
          'results',
          'results',
          'results',
          'dead',
          'results',
          'results',
        ])
        expect(deadLetterInfo(outputs[3]?.headers ?? [])).toMatchObject({ reason: 'function-blocked' })
      })
    }
    expect(blocks()).toBe(2)
    const reason = 'nothing else ran for 30.0 s, in the joiner of join rows of pipeline events, at events[0] offset 3'
    expect([reasons.length, reasons[1], watch.problem]).toEqual([2, reason, reason])
  })

  it('stops the step in front of it the second time, with halt', async () => {
    const { assigned } = operatorProcess('halt')
    await assigned(({ error }) => expect(error).toBeUndefined())
    await assigned(({ consumed, outputs, error }) => {
      expect([consumed, outputs.length]).toEqual([1 + SLOW, SLOW])
      expect(error).toMatchObject({ code: 'FUNCTION_BLOCKED', topic: 'events', partition: 0, offset: SLOW })
    })
  })

  it('refuses another watch, and other options', async () => {
    const pipeline = stream(events)
      .leftJoin(table(rows), (event) => event)
      .to(results)
    const watch: FunctionWatch = { problem: undefined }
    await expect(openOperator(pipeline, { application: 'a', partition: 0, watch })).rejects.toMatchObject({
      code: 'OPTION_INVALID',
    })
    const options = { session: '1s', clock: blockingClock().clock }
    expect(() => functionWatch(options)).toThrow('session')
  })
})
