import { describe, expect, it } from 'vitest'
import { runExtension } from '../src/run-extension.js'
import { runInterleaving } from '../src/run-interleaving.js'
import { runJoin } from '../src/run-join.js'
import { Difference } from '../src/verdict.js'

const join = (step: object) => ({
  id: 'a',
  kind: 'table',
  join: 'inner',
  options: { joiner: 'left+right', keyMapper: 'identity' },
  steps: [{ side: 'table', key: 0, value: 'Y', ts: 1, expect: [] }, step],
})
const event = { side: 'stream', key: 0, value: 'X', ts: 2 }

describe('the scenario runner', () => {
  it('passes expected outputs', async () => {
    expect(await runJoin(join({ ...event, expect: [{ key: 0, value: 'X+Y', ts: 2 }] }))).toEqual({ type: 'ok' })
  })

  it('fails a wrong value, a wrong timestamp, a missing output and an extra output', async () => {
    for (const wrong of [
      [],
      [{ key: 0, value: 'X+Z', ts: 2 }],
      [{ key: 0, value: 'X+Y', ts: 1 }],
      [
        { key: 0, value: 'X+Y', ts: 2 },
        { key: 0, value: 'X+Y', ts: 2 },
      ],
    ]) {
      await expect(runJoin(join({ ...event, expect: wrong }))).rejects.toBeInstanceOf(Difference)
    }
  })

  it('fails a wrong count of dropped records', async () => {
    const step = { ...event, value: null, expect: [], dropped: 2 }
    await expect(runJoin(join(step))).rejects.toThrow('dropped: expected 2, got 1')
  })

  it('compares headers if the scenario has them, except those of Joinery', async () => {
    const step = { ...event, headers: { h: '1' }, expect: [{ key: 0, value: 'X+Y', ts: 2, headers: { h: '1' } }] }
    expect(await runJoin(join(step))).toEqual({ type: 'ok' })
    const wrong = { ...step, expect: [{ key: 0, value: 'X+Y', ts: 2, headers: { h: '2' } }] }
    await expect(runJoin(join(wrong))).rejects.toBeInstanceOf(Difference)
  })

  it('rejects unknown steps', async () => {
    await expect(runJoin(join({ op: 'explode' }))).rejects.toThrow('unknown op explode')
    await expect(
      runInterleaving({ id: 'a', maxTaskIdleMs: 0, partitions: ['p'], steps: [{ op: 'explode' }] }),
    ).rejects.toThrow('unknown op explode')
    await expect(runExtension({ id: 'a', options: { maxWaitMs: 1, join: 'outer' }, steps: [] })).rejects.toThrow(
      'unknown join outer',
    )
  })
})
