import { beforeEach, describe, expect, it } from 'vitest'
import { ActivationWorkload, type WorkloadRecord } from '../../src/open-loop/activation-workload.js'
import { OutputCheck } from '../../src/open-loop/output-check.js'

const workload = new ActivationWorkload(100)
const NONE = { lost: 0, doubled: 0, wrong: 0 }

describe('the check of outputs', () => {
  let check: OutputCheck

  beforeEach(() => {
    check = new OutputCheck((event, product) => workload.notification(event, product))
  })
  const receive = ({ key, value }: WorkloadRecord, at = 0, partition = 0) =>
    check.received({ key, value: JSON.stringify(value), partition, at })

  it('accepts one output for each event', () => {
    for (const event of [0, 1, 2]) check.sent(event + 10, 0)
    for (const event of [2, 0, 1]) receive(workload.notification(event, event + 10))
    expect(check.violations).toEqual(NONE)
    expect(check.outstanding).toBe(0)
  })

  it('counts events without an output as lost', () => {
    for (const event of [0, 1, 2]) check.sent(event, 0)
    receive(workload.notification(1, 1))
    expect(check.violations).toEqual({ ...NONE, lost: 2 })
  })

  it('counts further outputs of an event as doubled', () => {
    check.sent(5, 0)
    for (let i = 0; i < 3; i++) receive(workload.notification(0, 5))
    expect(check.violations).toEqual({ ...NONE, doubled: 2 })
  })

  it.each<{ what: string; output: WorkloadRecord }>([
    {
      what: 'the row of another product',
      output: { ...workload.notification(0, 5), value: workload.notification(0, 6).value },
    },
    { what: 'another key', output: { ...workload.notification(0, 5), key: workload.productId(6) } },
    {
      what: 'an old version of the row',
      output: (({ key, value }) => ({ key, value: { ...value, externalId: 'ext-00000000-1' } }))(
        workload.notification(0, 5),
      ),
    },
    {
      what: 'a further field',
      output: (({ key, value }) => ({ key, value: { ...value, channel: 'web' } }))(workload.notification(0, 5)),
    },
    { what: 'the id of an event that was not sent', output: workload.notification(1, 5) },
    { what: 'no id', output: { key: workload.productId(5), value: {} } },
  ])('counts an output with $what as wrong', ({ output }) => {
    check.sent(5, 0)
    receive(output)
    expect(check.violations).toEqual({ lost: 1, doubled: 0, wrong: 1 })
  })

  it.each(['', 'no JSON', 'null', '1'])('counts the output %j as wrong', (value) => {
    check.received({ key: 'p-00000005', value, partition: 0, at: 0 })
    expect(check.violations).toEqual({ ...NONE, wrong: 1 })
  })

  it('measures latencies from when events were due to their first outputs, in ascending order', () => {
    for (const [event, dueAt] of [0, 100, 200, 300].entries()) check.sent(event, dueAt)
    for (const [event, at] of [30, 150, 210, 999].entries()) receive(workload.notification(event, event), at)
    receive(workload.notification(1, 1), 2_000)
    expect(check.latencies(100, 300, () => true)).toEqual([10, 50])
  })

  it('measures the latencies of certain partitions alone', () => {
    for (const event of [0, 1, 2]) check.sent(event, 0)
    for (const event of [0, 1, 2]) receive(workload.notification(event, event), 10 * event, event)
    expect(check.latencies(0, 1, (partition) => partition !== 1)).toEqual([0, 20])
  })
})
