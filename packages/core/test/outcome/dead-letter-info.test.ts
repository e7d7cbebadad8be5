import { describe, expect, it } from 'vitest'
import { deadLetterInfo, type Headers } from '../../src/index.js'

const headers = (...pairs: (readonly [string, string | null])[]): Headers =>
  pairs.map(([name, value]) => [name, value === null ? null : new Uint8Array(Buffer.from(value))] as const)

describe('deadLetterInfo', () => {
  it('reads the headers', () => {
    const info = deadLetterInfo(
      headers(
        ['other', 'x'],
        ['joinery-reason', 'no-row'],
        ['joinery-origin', 'app/topic.a/3/41'],
        ['joinery-age-ms', '1800000'],
        ['joinery-table', 'rows'],
        ['joinery-error', 'words é'],
      ),
    )
    expect(info).toEqual({
      reason: 'no-row',
      application: 'app',
      origin: { topic: 'topic.a', partition: 3, offset: 41 },
      ageMs: 1_800_000,
      table: 'rows',
      message: 'words é',
    })
  })

  it('leaves out what is missing', () => {
    const info = deadLetterInfo(
      headers(['joinery-reason', 'filtered'], ['joinery-origin', 'app/t/0/0'], ['joinery-age-ms', '0']),
    )
    expect(info).toEqual({
      reason: 'filtered',
      application: 'app',
      origin: { topic: 't', partition: 0, offset: 0 },
      ageMs: 0,
    })
  })

  it('says what a shortened dead letter lacks', () => {
    const info = deadLetterInfo(
      headers(['joinery-reason', 'no-row'], ['joinery-origin', 'a/t/0/7'], ['joinery-omitted', 'headers,value']),
    )
    expect(info?.omitted).toEqual(['headers', 'value'])
  })

  it('uses the last of several headers of a name', () => {
    const info = deadLetterInfo(
      headers(
        ['joinery-reason', 'filtered'],
        ['joinery-reason', 'no-row'],
        ['joinery-origin', 'a/b/1/2'],
        ['joinery-origin', 'c/d/3/4'],
      ),
    )
    expect(info).toMatchObject({ reason: 'no-row', application: 'c', origin: { topic: 'd', partition: 3, offset: 4 } })
  })

  it.each<[string, Headers]>([
    ['no headers', []],
    ['the headers of an output', headers(['joinery-origin', 'a/b/1/2'])],
    ['a reason alone', headers(['joinery-reason', 'no-row'])],
    ['an origin that is null', headers(['joinery-reason', 'no-row'], ['joinery-origin', null])],
    ['a truncated origin', headers(['joinery-reason', 'no-row'], ['joinery-origin', 'a/b/1'])],
    ['an origin without numbers', headers(['joinery-reason', 'no-row'], ['joinery-origin', 'a/b/x/y'])],
  ])('is undefined for %s', (_, list) => {
    expect(deadLetterInfo(list)).toBeUndefined()
  })

  it('has an age of 0 if there is no such header', () => {
    expect(deadLetterInfo(headers(['joinery-reason', 'filtered'], ['joinery-origin', 'a/b/1/2']))?.ageMs).toBe(0)
  })
})
