import { describe, expect, it } from 'vitest'
import { check } from '../../src/crash/check.js'
import { printHistory } from '../../src/crash/print-history.js'
import { asHistory, DEADLINE, ledgerOf, of, rightLog, type Written, type WrittenLog } from './written-log.js'

const { activations, orders, information, customers, notifications } = of
const [A, O, I, C, N] = [activations.name, orders.name, information.name, customers.name, notifications.name]

const violationsOf = (log: WrittenLog) => check(asHistory(log), { ledger: ledgerOf(log), tables: [log.tables] })
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

/** One mistake each, and the law that has to be named first or among the first. */
const WRONG: Record<string, [law: string, spoil: (log: WrittenLog) => void]> = {
  'an output is missing': ['I2 nothing lost', (log) => outputOf(log, A, 7)[0].pop()],
  'a dead letter is missing': ['I2 nothing lost', (log) => outputOf(log, A, 5)[0].splice(2, 1)],
  'an output is there twice': [
    'I3 no duplicate',
    (log) => {
      const [outputs, index] = outputOf(log, A, 7)
      outputs.push({ ...(outputs[index] as Written) })
    },
  ],
  'an output is there again in a later commit': [
    'I3 no duplicate',
    (log) => {
      const [outputs, index] = outputOf(log, A, 7)
      log.commits[2]?.outputs.push({ ...(outputs[index] as Written) })
    },
  ],
  'an output is of a record that does not exist': [
    'I4 no invention',
    (log) => change(log, A, 7, (record) => (headerOf(record, 'joinery-origin')[1] = `s/${A}/0/99`)),
  ],
  'an event has an outcome that it may not have': [
    'I1 conservation',
    (log) => change(log, A, 4, (record) => (headerOf(record, 'joinery-reason')[1] = 'undecodable')),
  ],
  'an event has an outcome, and waits still': ['I1 conservation', (log) => log.commits[2]?.waits.shift()],
  'an outcome is of a record that POSITION has not passed': [
    'I1 conservation',
    (log) => {
      for (const commit of log.commits.slice(1)) commit.next[A] = 7
    },
  ],
  'an acknowledged event is not in the log': ['I2 nothing lost', (log) => log.ledger.acknowledged.get(A)?.push(77)],
  'an acknowledged event is in the log twice': [
    'I2 nothing lost',
    (log) => {
      const [first] = log.inputs[O] ?? []
      log.inputs[O]?.push({ ...(first as Written) })
    },
  ],
  'a commit says that it is further than its state is': [
    'I6 position and state agree',
    (log) => {
      ;(log.commits[0] as { next: Record<string, number> }).next[A] = 7
    },
  ],
  'a commit says that it is less far than its state is': [
    'I6 position and state agree',
    (log) => {
      ;(log.commits[0] as { next: Record<string, number> }).next[A] = 5
    },
  ],
  'an event that waits is forgotten': ['I6 position and state agree', (log) => log.commits[0]?.waits.shift()],
  'an event waits that nobody has read': [
    'I6 position and state agree',
    (log) => log.commits[0]?.waits.push({ pipeline: A, offset: 7, arrival: 0 }),
  ],
  'totals do not say what is in the log': [
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
  'two outputs of a key change places': ['I5 order of a key', (log) => log.commits[1]?.outputs.reverse()],
  'a later event of a key has its outcome in an earlier commit': [
    'I5 order of a key',
    (log) => {
      // the event behind the one that waits goes out at once
      const third = log.inputs[A]?.[2] as Written
      const [outputs, index] = outputOf(log, A, 4)
      const [letter] = outputs.slice(index) as [Written]
      third.key = 'p1'
      letter.key = 'p1'
      change(log, A, 2, (record) => (record.key = 'p1'))
    },
  ],
  'an output met a row that nobody has written': [
    'I4 no invention',
    (log) => change(log, A, 7, (record) => (record.value = '{"id":7,"version":9}')),
  ],
  'an output met a row that was replaced before': [
    'I4 no invention',
    (log) => {
      const [outputs, index] = outputOf(log, A, 7)
      const [output] = outputs.splice(index, 1) as [Written]
      output.value = '{"id":7,"version":1}'
      log.commits[2]?.outputs.push(output)
    },
  ],
  'an output met a row before it was consumed': [
    'I4 no invention',
    (log) => change(log, A, 0, (record) => (record.value = '{"id":0,"version":2}')),
  ],
  'outputs of a key go back to an older row': [
    'I4 rows never go back',
    (log) => {
      change(log, A, 0, (record) => (record.value = '{"id":0,"version":2}'))
      change(log, A, 7, (record) => (record.value = '{"id":7,"version":1}'))
    },
  ],
  'a left join says that there was no row, where there was one': [
    'I4 no invention',
    (log) => {
      ;(log.inputs[O]?.[1] as Written).key = 'c0'
      change(log, O, 1, (record) => {
        record.key = 'c0'
      })
    },
  ],
  'an event gave up before its deadline': [
    'law 9 no early expiry',
    (log) => {
      ;(log.commits[2] as { at: number }).at = DEADLINE.activation - 1_000
    },
  ],
  'an event gave up beside a row that was written in time': [
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
  'a left join gave up beside a row that was written in time': [
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
  'a dead letter does not say how old it is': [
    'I15 dead letters are faithful',
    (log) => change(log, A, 5, (record) => (headerOf(record, 'joinery-age-ms')[0] = 'joinery-other')),
  ],
  'a dead letter does not say which row was missing': [
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
  'a position lies behind the end': [
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
  'an earlier owner writes behind a later one': [
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
  'an event waits for ever': [
    'I13 drains after healing',
    (log) => {
      log.commits.pop()
    },
  ],
  'an instance has a row that was deleted': [
    'tables are what their topics say',
    (log) => {
      ;(log.tables[C] as Record<string, number>).c1 = 1
    },
  ],
  'an instance lacks a row': [
    'tables are what their topics say',
    (log) => {
      log.tables[I] = {}
    },
  ],
}

describe('the checker of crash tests', () => {
  it('has nothing against a log that is right', () => {
    expect(violationsOf(rightLog())).toEqual([])
  })

  it('does not look at what was aborted', () => {
    const log = rightLog()
    const last = log.commits[2] as WrittenLog['commits'][number]
    log.commits.splice(2, 0, { ...last, end: 'abort', epoch: 2 })
    expect(violationsOf(log)).toEqual([])
  })

  it('takes commits of one epoch together: the older protocol gives a session only one', () => {
    const log = rightLog()
    for (const commit of log.commits) commit.epoch = 1
    expect(violationsOf(log)).toEqual([])
  })

  it.each(Object.entries(WRONG))('rejects: %s', (_, [law, spoil]) => {
    const log = rightLog()
    spoil(log)
    expect(violationsOf(log).map((violation) => violation.law)).toContain(law)
  })

  it('tells the whole story of a record', () => {
    const log = rightLog()
    const [outputs, index] = outputOf(log, A, 1)
    outputs.push({ ...(outputs[index] as Written) })
    const [violation] = violationsOf(log)
    const story = printHistory(asHistory(log), violation as NonNullable<typeof violation>, [])
    for (const part of ['I3 no duplicate', `input ${A}[0]@1`, `row ${I}[0]@2`, 'waits since', `outcome ${N}[0]@`])
      expect(story).toContain(part)
  })
})
