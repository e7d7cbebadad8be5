import { describe, expect, it } from 'vitest'
import type { CallPipeline } from '../../../src/task/calls/call-pipeline.js'
import { OrphanedClaims } from '../../../src/task/calls/orphaned-claims.js'
import { EndOffset } from '../../../src/task/end-offset.js'
import type { InputPartition } from '../../../src/task/input-partition.js'
import { ManualClock } from '../../../src/testing.js'

/** What a claimant has for its report after the timeout of a call. */
const GRACE_MS = 5_000

/** The calls of a pipeline, with the times at which this process first saw the claims of others. */
const pipeline = (timeoutMs: number, orphaned: Readonly<Record<string, number>>) =>
  ({
    operator: {
      plan: { timeoutMs },
      orphanedClaims: new Map(Object.keys(orphaned).map((token) => [token, `id of ${token}`])),
    },
    dispatcher: { orphanedSince: (token: string) => orphaned[token] },
  }) as unknown as CallPipeline

/** The end of the reports is offset 8. */
function watching(...calls: readonly CallPipeline[]) {
  const clock = new ManualClock(0)
  let isDown = false
  const requestedAt: number[] = []
  const end = new EndOffset({
    source: {
      async endOffset() {
        requestedAt.push(clock.monotonic())
        if (isDown) throw new Error('no leader')
        return 8
      },
    },
    topicPartition: { topic: 'reports', partition: 0 },
    monotonic: () => clock.monotonic(),
    wake: () => {},
  })
  const reports = { next: 7 }
  const orphaned = new OrphanedClaims(calls, reports as InputPartition, end, clock)
  const due = () => orphaned.due().map(([of, each]) => [calls.indexOf(of), each.map(({ id }) => id)])
  return { clock, orphaned, due, reports, requestedAt, setDown: (is: boolean) => (isDown = is) }
}

describe('a claim of a former owner', () => {
  it('is in doubt after its timeout and the grace time, once every report of that time has been read', async () => {
    const { clock, orphaned, due, reports, requestedAt } = watching(pipeline(1_000, { t: 200 }))
    expect(orphaned.until).toBe(200 + 1_000 + GRACE_MS)
    await clock.advance(200 + 1_000 + GRACE_MS - 1)
    expect([due(), requestedAt]).toEqual([[], []])
    await clock.advance(1)
    expect(due()).toEqual([])
    expect([requestedAt, orphaned.isIdle, orphaned.until]).toEqual([[6_200], false, undefined])
    await clock.advance(0)
    expect([orphaned.isIdle, due()]).toEqual([true, []]) // the report at offset 7 has not been read
    reports.next = 8
    expect(orphaned.due()).toEqual([
      [
        expect.anything(),
        [
          {
            id: 'id of t',
            report: {
              token: 't',
              outcome: 'in-doubt',
              by: 'owner',
              claimantFinished: false,
              why: 'the claimant ended or lost the task without reporting an outcome',
            },
          },
        ],
      ],
    ])
  })

  it('is not in doubt with an earlier one: its own grace time counts', async () => {
    const { clock, orphaned, due, reports } = watching(
      pipeline(1_000, { early: 0, exact: 400, late: 401 }),
      pipeline(2_000, { other: 0 }),
    )
    reports.next = 8
    expect(orphaned.until).toBe(1_000 + GRACE_MS) // that of the earliest
    await clock.advance(1_400 + GRACE_MS)
    due()
    await clock.advance(5_000) // by when the response is read, all are old enough: what counts is when it was requested
    expect(due()).toEqual([
      [0, ['id of early', 'id of exact']],
      [1, []],
    ])
  })

  it('waits for the next request if the last one failed', async () => {
    const { clock, orphaned, due, requestedAt, setDown } = watching(pipeline(1_000, { t: 0 }))
    setDown(true)
    await clock.advance(1_000 + GRACE_MS)
    due()
    await clock.advance(0)
    expect(orphaned.until).toBe(6_000 + 1_000)
    setDown(false)
    await clock.advance(1_000)
    due()
    expect(requestedAt).toEqual([6_000, 7_000])
  })

  it('has to be there for anything to be requested', async () => {
    const { clock, orphaned, due, requestedAt } = watching(pipeline(1_000, {}))
    await clock.advance('1d')
    expect([due(), requestedAt, orphaned.until, orphaned.isIdle]).toEqual([[], [], undefined, true])
  })
})
