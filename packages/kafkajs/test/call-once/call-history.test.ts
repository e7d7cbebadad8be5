import type { LogRecord } from '@joinery/core'
import { describe, expect, it } from 'vitest'
import { callHistory, type Evidence } from './call-history.js'

let offset = 0
const record = (
  key: Uint8Array | string | null,
  value: Uint8Array | string,
  headers: LogRecord['headers'] = [],
): LogRecord => ({
  topic: 't',
  partition: 0,
  offset: offset++,
  timestamp: 0,
  key: typeof key === 'string' ? Buffer.from(key) : key,
  value: Buffer.from(value),
  headers,
})

/** A CALL record of pipeline `p`. */
function call(id: string, state: string, more: object = {}): LogRecord {
  const json = Buffer.from(JSON.stringify({ state, attempts: 1, ...more }))
  const head = Buffer.alloc(5)
  head.writeUInt8(1)
  head.writeUInt32BE(json.length, 1)
  return record(Buffer.concat([Buffer.from([1, 4, 0, 1]), Buffer.from(`p${id}`)]), Buffer.concat([head, json]))
}
const position = (totals: object) =>
  record(
    Buffer.from([1, 1]),
    `\u0001${JSON.stringify({ totals: { p: { in: 0, emitted: 0, waiting: 0, dropped: {}, deadLettered: {}, ...totals } } })}`,
  )
const claim = (token: string) => ({ claim: { token } })
const doubt = (token: string) =>
  record('k', 'v', [
    ['joinery-call-id', Buffer.from('b')],
    ['joinery-call-token', Buffer.from(token)],
    ['joinery-call-claimant', Buffer.from('{}')],
  ])

/** Call a is done; call b is in doubt after a crash. */
const good: Evidence = {
  asked: ['a', 'b'],
  requests: new Map([['a', 1]]),
  changelog: [
    call('a', 'ready'),
    call('b', 'ready'),
    position({ in: 2, waiting: 2 }),
    call('a', 'claimed', claim('t1')),
    call('b', 'claimed', claim('t2')),
    call('a', 'done', { token: 't1' }),
    call('b', 'in-doubt', claim('t2')),
    position({ in: 2, emitted: 1, waiting: 1, inDoubt: 1 }),
  ],
  results: [record('a', '{}')],
  inDoubt: [doubt('t2')],
  faults: 1,
  concurrency: 1,
}
const first = (count: number, ...more: readonly LogRecord[]) => [...good.changelog.slice(0, count), ...more]

describe('the checker of calls', () => {
  it('returns the outcome of each call, and no violation', () => {
    const { found, violations } = callHistory(good)
    expect([...found]).toEqual([
      ['a', 'DONE'],
      ['b', 'IN_DOUBT'],
    ])
    expect(violations).toEqual([])
  })

  it.each<[string, Partial<Evidence>, RegExp]>([
    ['a second request', { requests: new Map([['a', 2]]) }, /a was requested 2 times/],
    ['a call that is done but was never made', { requests: new Map() }, /a is done after 0/],
    [
      'a request without a claim',
      {
        requests: new Map([
          ['a', 1],
          ['c', 1],
        ]),
      },
      /c is to be made, and was requested/,
    ],
    ['a result that is missing', { results: [] }, /a is DONE with undefined results/],
    ['a result that is there twice', { results: [...good.results, ...good.results] }, /a is DONE with 2 results/],
    ['a result of a call in doubt', { results: [...good.results, record('b', '{}')] }, /b is IN_DOUBT with 1 results/],
    [
      'a claim that was assigned again',
      { changelog: first(8, call('b', 'claimed', claim('t3'))) },
      /b was claimed while it was in-doubt/,
    ],
    [
      'a token that is used twice',
      { changelog: first(8, call('b', 'ready'), call('b', 'claimed', claim('t1'))) },
      /t1 was given twice/,
    ],
    [
      'a call in doubt under a claim that did not exist',
      { changelog: first(6, call('b', 'in-doubt', claim('t9'))) },
      /b is in doubt under a claim/,
    ],
    ['a call that changes after its end', { changelog: first(8, call('a', 'ready')) }, /a changed after it was done/],
    ['a call in doubt that is not reported', { inDoubt: [] }, /t2 was reported 0 times/],
    ['a call in doubt that is reported twice', { inDoubt: [doubt('t2'), doubt('t2')] }, /t2 was reported 2 times/],
    ['a call that is reported but not in doubt', { inDoubt: [doubt('t2'), doubt('t1')] }, /t1 was reported 1 times/],
    ['more calls in doubt than crashes can cause', { faults: 0 }, /1 calls are in doubt after 0/],
    [
      'a commit that loses a record',
      { changelog: first(2, position({ in: 2, waiting: 1 }), ...good.changelog.slice(3)) },
      /2 in and 1 out/,
    ],
    ['a record that was never consumed', { asked: ['a', 'b', 'c'] }, /3 were requested, 2 were consumed/],
    [
      'totals that differ from the outcomes',
      { changelog: first(7, position({ in: 2, emitted: 2, inDoubt: 1 })) },
      /2 were emitted, 1 are done/,
    ],
    [
      'totals of other waiting calls',
      { changelog: first(7, position({ in: 2, emitted: 1, inDoubt: 1, dropped: { x: 1 } })) },
      /0 wait, but DONE,IN_DOUBT/,
    ],
    [
      'calls in doubt that are not counted',
      { changelog: first(7, position({ in: 2, emitted: 1, waiting: 1 })) },
      /1 were reported in doubt, undefined were counted/,
    ],
  ])('notices %s', (_, change, what) => {
    expect(callHistory({ ...good, ...change }).violations.join('\n')).toMatch(what)
  })

  it('lets a person declare a claim unsent, with the next claim in the same commit', () => {
    const again = [
      call('b', 'claimed', { ...claim('t3'), formerTokens: ['t2'] }),
      call('b', 'done', { token: 't3' }),
      position({ in: 2, emitted: 2, inDoubt: 1 }),
    ]
    const requests = new Map([
      ['a', 1],
      ['b', 1],
    ])
    expect(
      callHistory({ ...good, changelog: first(8, ...again), requests, results: [...good.results, record('b', '{}')] })
        .violations,
    ).toEqual([])
  })
})
