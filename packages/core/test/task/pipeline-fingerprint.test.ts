import { describe, expect, it } from 'vitest'
import { stream, table, text, topic } from '../../src/index.js'
import type { Pipeline } from '../../src/pipeline/pipeline.js'
import { planApplication } from '../../src/pipeline/plan.js'
import { pipelineHash } from '../../src/task/pipeline-fingerprint.js'

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
