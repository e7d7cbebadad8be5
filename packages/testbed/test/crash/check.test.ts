import { describe, expect, it } from 'vitest'
import { check } from '../../src/crash/check.js'
import { describeViolation } from '../../src/crash/describe-violation.js'
import { acknowledgedOf, asHistory, DEADLINE, of, rightLog, type Written, type WrittenLog } from './written-log.js'

const { activations, orders, information, customers, notifications } = of
const [A, O, I, C, N] = [activations.name, orders.name, information.name, customers.name, notifications.name]

const violationsOf = (log: WrittenLog) =>
  check(asHistory(log), { acknowledged: acknowledgedOf(log), tables: [log.tables] })
const outputOf = (log: WrittenLog, topic: string, offset: number): [outputs: Written[], index: number] => {
  const is = ({ headers }: Written) => headers.some(([, value]) => value === `s/${topic}/0/${offset}`)
  const { outputs } = log.commits.find((commit) => commit.outputs.some(is)) as { outputs: Written[] }
  return [outputs, outputs.findIndex(is)]
}
const change = (log: WrittenLog, topic: string, offset: number, how: (record: Written) => void) => {
  const [outputs, index] = outputOf(log, topic, offset)
  how(outputs[index] as Written)
}
const headerOf = (record: Written, name: string) => record.headers.find(([of]) => of === name) as [string, string]

/** One mistake each, and the law that must be among those violated. */
const WRONG: Record<string, [law: string, spoil: (log: WrittenLog) => void]> = {
  'an output is missing': ['I2 nothing lost', (log) => outputOf(log, A, 7)[0].pop()],
  'a dead letter is missing': ['I2 nothing lost', (log) => outputOf(log, A, 5)[0].splice(2, 1)],
  'an output is written twice': [
    'I3 no duplicate',
    (log) => {
      const [outputs, index] = outputOf(log, A, 7)
      outputs.push({ ...(outputs[index] as Written) })
    },
  ],
  'an output is written again in a later commit': [
    'I3 no duplicate',
    (log) => {
      const [outputs, index] = outputOf(log, A, 7)
      log.commits[2]?.outputs.push({ ...(outputs[index] as Written) })
    },
  ],
  'an output is of a record that does not exist': [
    'I4 only existing records',
    (log) => change(log, A, 7, (record) => (headerOf(record, 'joinery-origin')[1] = `s/${A}/0/99`)),
  ],
  'an event has an unexpected outcome': [
    'I1 conservation',
    (log) => change(log, A, 4, (record) => (headerOf(record, 'joinery-reason')[1] = 'undecodable')),
  ],
  'an event has an outcome and is still waiting': ['I1 conservation', (log) => log.commits[2]?.waits.shift()],
  'an outcome is of a record that POSITION has not passed': [
    'I1 conservation',
    (log) => {
      for (const commit of log.commits.slice(1)) commit.next[A] = 7
    },
  ],
  'an acknowledged event is not in the log': ['I2 nothing lost', (log) => log.acknowledged.ids.get(A)?.push(77)],
  'an acknowledged event is in the log twice': [
    'I2 nothing lost',
    (log) => {
      const [first] = log.inputs[O] ?? []
      log.inputs[O]?.push({ ...(first as Written) })
    },
  ],
  'a commit has a position ahead of its state': [
    'I6 position and state agree',
    (log) => {
      ;(log.commits[0] as { next: Record<string, number> }).next[A] = 7
    },
  ],
  'a commit has a position behind its state': [
    'I6 position and state agree',
    (log) => {
      ;(log.commits[0] as { next: Record<string, number> }).next[A] = 5
    },
  ],
  'a waiting event is lost': ['I6 position and state agree', (log) => log.commits[0]?.waits.shift()],
  'an event waits that was never consumed': [
    'I6 position and state agree',
    (log) => log.commits[0]?.waits.push({ pipeline: A, offset: 7, arrival: 0 }),
  ],
  'totals differ from the log': [
    'law 1 at every commit',
    (log) => {
      const totals = log.commits[1]?.totals[A] as { in: number; emitted: number }
      totals.in++
      totals.emitted++
    },
  ],
  'totals do not add up': [
    'law 1 at every commit',
    (log) => {
      ;(log.commits[1]?.totals[A] as { waiting: number }).waiting = 0
    },
  ],
  'a dead letter is counted under another reason': [
    'law 1 at every commit',
    (log) => {
      const totals = log.commits[2]?.totals[A] as { deadLettered: Record<string, number> }
      totals.deadLettered = { 'function-threw': 2, undecodable: 1 }
    },
  ],
  'outputs are committed without a POSITION': [
    'I6 no torn commit',
    (log) => {
      const [outputs, index] = outputOf(log, A, 7)
      const [output] = outputs.splice(index, 1) as [Written]
      const last = log.commits[2] as WrittenLog['commits'][number]
      log.commits.push({ ...last, waits: [], rows: [], outputs: [output], hasPosition: false, epoch: 4 })
    },
  ],
  'state is committed without a POSITION': [
    'I6 no torn commit',
    (log) => {
      const last = log.commits[2] as WrittenLog['commits'][number]
      const waits = [{ pipeline: A, offset: 1, arrival: 0 }]
      log.commits.push({ ...last, waits, rows: [], outputs: [], hasPosition: false, epoch: 4 })
    },
  ],
  'two outputs of a key are swapped': ['I5 order of a key', (log) => log.commits[1]?.outputs.reverse()],
  'a later event of a key has its outcome in an earlier commit': [
    'I5 order of a key',
    (log) => {
      // the event after the waiting one is emitted at once
      const third = log.inputs[A]?.[2] as Written
      const [outputs, index] = outputOf(log, A, 4)
      const [letter] = outputs.slice(index) as [Written]
      third.key = 'p1'
      letter.key = 'p1'
      change(log, A, 2, (record) => (record.key = 'p1'))
    },
  ],
  'an output was joined with a row that was never written': [
    'I4 only existing rows',
    (log) => change(log, A, 7, (record) => (record.value = '{"id":7,"version":9}')),
  ],
  'an output was joined with a row that had been replaced': [
    'I4 only existing rows',
    (log) => {
      const [outputs, index] = outputOf(log, A, 7)
      const [output] = outputs.splice(index, 1) as [Written]
      output.value = '{"id":7,"version":1}'
      log.commits[2]?.outputs.push(output)
    },
  ],
  'an output was joined with a row before it was consumed': [
    'I4 only existing rows',
    (log) => change(log, A, 0, (record) => (record.value = '{"id":0,"version":2}')),
  ],
  'outputs of a key go back to an older row': [
    'I4 rows never go back',
    (log) => {
      change(log, A, 0, (record) => (record.value = '{"id":0,"version":2}'))
      change(log, A, 7, (record) => (record.value = '{"id":7,"version":1}'))
    },
  ],
  'a left join found no row although there was one': [
    'I4 only existing rows',
    (log) => {
      ;(log.inputs[O]?.[1] as Written).key = 'c0'
      change(log, O, 1, (record) => {
        record.key = 'c0'
      })
    },
  ],
  'an event expired before its deadline': [
    'law 9 no early expiry',
    (log) => {
      ;(log.commits[2] as { at: number }).at = DEADLINE.activation - 1_000
    },
  ],
  'an event expired although its row was written in time': [
    'law 9 no early expiry',
    (log) => {
      log.inputs[I]?.push({
        topic: I,
        key: 'never',
        value: '{"version":1}',
        timestamp: DEADLINE.activation - 100,
        headers: [],
      })
    },
  ],
  'a left join expired although its row was written in time': [
    'law 9 no early expiry',
    (log) => {
      log.inputs[C]?.push({
        topic: C,
        key: 'nobody',
        value: '{"version":1}',
        timestamp: DEADLINE.order - 100,
        headers: [],
      })
    },
  ],
  'a dead letter has other bytes': [
    'I15 dead letters are faithful',
    (log) => change(log, A, 5, (record) => (record.value = '{ ')),
  ],
  'a dead letter has another key': [
    'I15 dead letters are faithful',
    (log) => change(log, A, 5, (record) => (record.key = null)),
  ],
  'a dead letter lacks a header of its original': [
    'I15 dead letters are faithful',
    (log) => change(log, A, 5, (record) => record.headers.shift()),
  ],
  'a dead letter lacks its age': [
    'I15 dead letters are faithful',
    (log) => change(log, A, 5, (record) => (headerOf(record, 'joinery-age-ms')[0] = 'joinery-other')),
  ],
  'a dead letter does not name the table of the missing row': [
    'I15 dead letters are faithful',
    (log) => change(log, A, 2, (record) => record.headers.pop()),
  ],
  'a result has another timestamp': [
    'I15 dead letters are faithful',
    (log) => change(log, A, 0, (record) => record.timestamp++),
  ],
  'positions go back': [
    'I16 no silent skip',
    (log) => {
      ;(log.commits[2] as { next: Record<string, number> }).next[I] = 3
    },
  ],
  'a position is beyond the end': [
    'I16 no silent skip',
    (log) => {
      ;(log.commits[2] as { next: Record<string, number> }).next[I] = 5
    },
  ],
  'a transaction is left open': [
    'I14 fencing',
    (log) => {
      ;(log.commits[2] as { end: string }).end = 'open'
    },
  ],
  'an earlier owner writes after a later one': [
    'I14 fencing',
    (log) => {
      ;(log.commits[2] as { epoch: number }).epoch = 0
    },
  ],
  'a commit lacks a row that it consumed': ['I6 position and rows agree', (log) => log.commits[0]?.rows.pop()],
  'a commit keeps a row that was deleted': [
    'I6 position and rows agree',
    (log) => {
      ;(log.commits[1]?.rows[0] as { value: string | null }).value = '{"version":1}'
    },
  ],
  'not everything was read': [
    'I13 drains after healing',
    (log) => log.inputs[O]?.push({ ...(log.inputs[O]?.[0] as Written), headers: [['id', '12']] }),
  ],
  'an event waits forever': [
    'I13 drains after healing',
    (log) => {
      log.commits.pop()
    },
  ],
  'an instance has a row that was deleted': [
    'tables match their topics',
    (log) => {
      ;(log.tables[C] as Record<string, number>).c1 = 1
    },
  ],
  'an instance lacks a row': [
    'tables match their topics',
    (log) => {
      log.tables[I] = {}
    },
  ],
}

describe('the checker of crash tests', () => {
  it('accepts a correct log', () => {
    expect(violationsOf(rightLog())).toEqual([])
  })

  it('ignores aborted transactions', () => {
    const log = rightLog()
    const last = log.commits[2] as WrittenLog['commits'][number]
    log.commits.splice(2, 0, { ...last, end: 'abort', epoch: 2 })
    expect(violationsOf(log)).toEqual([])
  })

  it('treats commits of one epoch as one step, because the older protocol has one epoch per session', () => {
    const log = rightLog()
    for (const commit of log.commits) commit.epoch = 1
    expect(violationsOf(log)).toEqual([])
  })

  it.each(Object.entries(WRONG))('rejects: %s', (_, [law, spoil]) => {
    const log = rightLog()
    spoil(log)
    expect(violationsOf(log).map((violation) => violation.law)).toContain(law)
  })

  it('describes the whole history of a record', () => {
    const log = rightLog()
    const [outputs, index] = outputOf(log, A, 1)
    outputs.push({ ...(outputs[index] as Written) })
    const [violation] = violationsOf(log)
    const explanation = describeViolation(asHistory(log), violation as NonNullable<typeof violation>, [])
    for (const part of ['I3 no duplicate', `input ${A}[0]@1`, `row ${I}[0]@2`, 'waiting since', `outcome ${N}[0]@`])
      expect(explanation).toContain(part)
  })
})
