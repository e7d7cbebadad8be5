import { describe, expect, it } from 'vitest'
import { decodePosition, encodePosition } from '../../src/changelog/position-record.js'
import { stream, table, text, topic } from '../../src/index.js'
import { newTotals } from '../../src/outcome/totals.js'
import type { Pipeline } from '../../src/pipeline/pipeline.js'
import { planApplication } from '../../src/pipeline/plan.js'
import { type Position, pipelineHash } from '../../src/task/pipeline-fingerprint.js'

const invalid = expect.objectContaining({ name: 'JoineryError', code: 'CHANGELOG_INVALID' })

const position: Position = {
  at: 1_700_000_000_000,
  inputs: { in: { id: 'AAAA', next: 12 }, 'table é': { id: 'BBBB', next: 0 } },
  partitions: 4,
  hash: 'abc',
  totals: { p: { ...newTotals(), in: 2, emitted: 1, dropped: { 'no-row': 1 } } },
}

const JSON_TEXT =
  '{"at":1700000000000,"inputs":{"in":{"id":"AAAA","next":12},"table é":{"id":"BBBB","next":0}},"partitions":4,' +
  '"hash":"abc","totals":{"p":{"in":2,"emitted":1,"waiting":0,"dropped":{"no-row":1},"deadLettered":{},"joined":{},' +
  '"unmatched":{},"clamped":0}}}'

describe('the POSITION record', () => {
  it('is a version byte and JSON', () => {
    const bytes = Buffer.from(encodePosition(position))
    expect(bytes[0]).toBe(1)
    expect(JSON.parse(bytes.toString('utf8', 1))).toEqual(JSON.parse(JSON_TEXT))
  })

  it('is read from stored bytes, wherever they lie in a buffer', () => {
    const stored = Buffer.concat([Buffer.from('01', 'hex'), Buffer.from(JSON_TEXT, 'utf8')])
    expect(decodePosition(stored)).toEqual(position)
    const inside = new Uint8Array(Buffer.concat([Buffer.alloc(3), stored, Buffer.alloc(3)]))
    expect(decodePosition(inside.subarray(3, 3 + stored.length))).toEqual(position)
  })

  it.each([
    ['an unknown version', Buffer.concat([Buffer.from('02', 'hex'), Buffer.from(JSON_TEXT)])],
    ['an empty value', Buffer.alloc(0)],
    ['a version alone', Buffer.from('01', 'hex')],
    ['half a record', Buffer.concat([Buffer.from('01', 'hex'), Buffer.from(JSON_TEXT.slice(0, 50))])],
  ])('halts on %s', (_, bytes) => {
    expect(() => decodePosition(bytes)).toThrow(invalid)
  })
})

describe('the pipeline hash', () => {
  const serdes = { key: text(), value: text() }
  const named = (name: string) => topic(name, serdes)
  const hash = (...pipelines: Pipeline[]) => pipelineHash(planApplication('a', pipelines))
  const first = (value: string) => value
  const base = () =>
    stream(named('s'))
      .join(table(named('t')), first)
      .to(named('o'))
  const other = () =>
    stream(named('s2'))
      .join(table(named('t2')), first)
      .to(named('o'))

  it('is the same for the same inputs, roles and joins, whatever functions and outputs are', () => {
    expect(hash(base())).toBe(hash(base()))
    const changed = stream(named('s'), { onError: { deadLetter: 'dead' } })
      .filter((value) => value !== '')
      .join(table(named('t')), (value, row) => value + row)
      .to(named('elsewhere'))
    expect(hash(changed)).toBe(hash(base()))
  })

  it('is 128 bits in hexadecimal', () => {
    expect(hash(base())).toMatch(/^[0-9a-f]{32}$/)
  })

  it('changes with calls, with their stream, and with their names, but not with their order', () => {
    const calls = (name: string, input: string) =>
      stream(named(input), { name }).callOnce(async () => 'done', { inDoubt: { deadLetter: 'in-doubt' } })
    const [one, two] = [() => calls('c1', 'in1'), () => calls('c2', 'in2')]
    expect(hash(one(), two())).toBe(hash(two(), one()))
    const hashes = [hash(base()), hash(base(), one()), hash(base(), two()), hash(base(), calls('c1', 'in3'))]
    expect(new Set(hashes).size).toBe(hashes.length)
  })

  it('does not depend on the order of pipelines', () => {
    expect(hash(base(), other())).toBe(hash(other(), base()))
  })

  it('changes with the tables whose rows are kept in the changelog', () => {
    const plan = planApplication('a', base())
    expect(pipelineHash(plan, new Set(['t']))).not.toBe(pipelineHash(plan))
  })

  it.each<[string, () => Pipeline]>([
    [
      'stream',
      () =>
        stream(named('s9'))
          .join(table(named('t')), first)
          .to(named('o')),
    ],
    [
      'pipeline name',
      () =>
        stream(named('s'), { name: 'p' })
          .join(table(named('t')), first)
          .to(named('o')),
    ],
    [
      'table',
      () =>
        stream(named('s'))
          .join(table(named('t9')), first)
          .to(named('o')),
    ],
    [
      'name of a join',
      () =>
        stream(named('s'))
          .join(table(named('t')), first, { name: 'j' })
          .to(named('o')),
    ],
    [
      'role',
      () =>
        stream(named('t'))
          .join(table(named('s')), first)
          .to(named('o')),
    ],
    [
      'start',
      () =>
        stream(named('s'))
          .join(table(named('t'), { order: 'by-timestamp' }), first)
          .to(named('o')),
    ],
    ['number of joins', () => stream(named('s')).to(named('o'))],
  ])('changes with a %s', (_, changed) => {
    expect(hash(changed())).not.toBe(hash(base()))
  })
})
