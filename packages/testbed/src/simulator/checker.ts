import { type CommittedPosition, committed, eventsOf, type Outcome, outcomes, positions, textOf } from './history.js'
import type { Scenario, SimRow } from './scenario.js'
import type { SimCluster } from './sim-cluster.js'

/** A promise that a history breaks. */
export interface Violation {
  readonly law: string
  readonly text: string
  readonly partition?: number
  readonly event?: number
}

/** What the checker has to know beside the log. */
export interface Checked {
  readonly cluster: SimCluster
  readonly scenario: Scenario
  /** Whether a wall clock was set: deadlines that are kept over a restart follow it. */
  readonly hadClockStep: boolean
}

const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0)

/** Reads everything after healing and draining, and says which promises are broken. */
export function check(checked: Checked): Violation[] {
  const all = outcomes(checked.cluster)
  return Array.from({ length: checked.scenario.partitions }, (_, partition) => {
    const mine = all.filter((outcome) => outcome.partition === partition)
    return [
      ...eachOnce(checked, partition, mine),
      ...everyCommit(checked, partition, mine),
      ...keyOrder(checked, partition, mine),
      ...rowsExist(checked, partition, mine),
      ...noEarlyExpiry(checked, partition, mine),
    ]
  }).flat()
}

/** I1 to I3: every event has one outcome; what leaves no record is counted as dropped. */
function eachOnce({ cluster, scenario }: Checked, partition: number, mine: readonly Outcome[]): Violation[] {
  const violations: Violation[] = []
  const counts = new Map<number, number>()
  for (const { event } of mine) counts.set(event, (counts.get(event) ?? 0) + 1)
  const mayDrop = scenario.tables.some(({ kind, atMostMs }) => kind === 'inner' && atMostMs === undefined)
  const isInner = scenario.tables.some(({ kind }) => kind === 'inner')
  let silent = 0
  for (const { offset, record } of eventsOf(cluster, partition)) {
    const count = counts.get(offset) ?? 0
    const isDroppable = record.value === null || (record.key === null && isInner) || mayDrop
    if (count === 0) silent++
    if (count > 1) violations.push({ law: 'I3 no duplicate', text: `has ${count} outcomes`, partition, event: offset })
    if (count === 0 && !isDroppable)
      violations.push({ law: 'I2 nothing lost', text: 'has no outcome', partition, event: offset })
  }
  const last = positions(cluster, partition).at(-1)
  if (last !== undefined && sum(last.totals.dropped) !== silent)
    violations.push({
      law: 'I1',
      text: `${silent} events left no record, ${sum(last.totals.dropped)} are counted as dropped`,
      partition,
    })
  return violations
}

/** Law 1 at every commit: the totals add up, and are those of the outcomes committed so far. */
function everyCommit({ cluster }: Checked, partition: number, mine: readonly Outcome[]): Violation[] {
  const violations: Violation[] = []
  const events = eventsOf(cluster, partition)
  let before: CommittedPosition | undefined
  for (const position of positions(cluster, partition)) {
    const { next, totals, epoch } = position
    const consumed = events.filter(({ offset }) => offset < next).length
    const emitted = mine.filter((outcome) => outcome.reason === undefined && outcome.epoch <= epoch).length
    const dead = mine.filter((outcome) => outcome.reason !== undefined && outcome.epoch <= epoch).length
    const claims: readonly (readonly [string, number, number])[] = [
      [
        'in = emitted + dropped + dead-lettered + waiting',
        totals.in,
        totals.emitted + sum(totals.dropped) + sum(totals.deadLettered) + totals.waiting,
      ],
      ['in is what was consumed', totals.in, consumed],
      ['emitted is what was written', totals.emitted, emitted],
      ['dead-lettered is what was written', sum(totals.deadLettered), dead],
    ]
    for (const [what, left, right] of claims) {
      if (left !== right)
        violations.push({
          law: 'law 1 at every commit',
          text: `${what}: ${left} and ${right}, at ${position.at.toFixed(0)} ms`,
          partition,
        })
    }
    if (before !== undefined && (next < before.next || epoch <= before.epoch))
      violations.push({ law: 'I6 positions only go on', text: `${before.next} then ${next}`, partition })
    before = position
  }
  return violations
}

/** I5: outcomes of a key come in the order of its events, through waiting too. */
function keyOrder({ cluster }: Checked, partition: number, mine: readonly Outcome[]): Violation[] {
  const keys = new Map(eventsOf(cluster, partition).map(({ offset, record }) => [offset, record.key]))
  const byKey = new Map<string, Outcome[]>()
  for (const outcome of mine) {
    const key = keys.get(outcome.event)
    if (key == null) continue
    byKey.set(textOf(key), [...(byKey.get(textOf(key)) ?? []), outcome])
  }
  return [...byKey.values()].flatMap((all) => {
    const inOrder = [...all].sort((a, b) => a.event - b.event)
    return inOrder.flatMap((outcome, i) => {
      const previous = inOrder[i - 1]
      if (previous === undefined) return []
      const isSameTopic = (previous.reason === undefined) === (outcome.reason === undefined)
      const isBefore = isSameTopic ? previous.offset > outcome.offset : previous.epoch > outcome.epoch
      return isBefore
        ? [{ law: 'I5 order of a key', text: `came before ${previous.event}`, partition, event: outcome.event }]
        : []
    })
  })
}

/** I4: a row that an output met was there for that key, and outputs of a key never go back to an older row. */
function rowsExist({ cluster, scenario }: Checked, partition: number, mine: readonly Outcome[]): Violation[] {
  const violations: Violation[] = []
  const keys = new Map(eventsOf(cluster, partition).map(({ offset, record }) => [offset, record.key]))
  scenario.tables.forEach(({ name }, table) => {
    const published = new Map<string, number>()
    for (const { record, visibleAt } of committed(cluster, name, partition)) {
      if (record.value === null) continue
      const { version } = JSON.parse(textOf(record.value)) as SimRow
      published.set(`${textOf(record.key)}/${version}`, visibleAt as number)
    }
    const newest = new Map<string, number>()
    for (const { event, rows, at } of [...mine].sort((a, b) => a.offset - b.offset)) {
      const version = rows?.[table]
      if (version == null) continue
      const key = textOf(keys.get(event) ?? null)
      const since = published.get(`${key}/${version}`)
      if (since === undefined || since > at)
        violations.push({ law: 'I4 no invention', text: `met row ${version} of ${name} too early`, partition, event })
      if (version < (newest.get(key) ?? 0))
        violations.push({
          law: 'I4 rows never go back',
          text: `met row ${version} of ${name} after ${newest.get(key)}`,
          partition,
          event,
        })
      newest.set(key, Math.max(version, newest.get(key) ?? 0))
    }
  })
  return violations
}

/** Law 9: no event expires beside a row that was committed before its deadline and is still there. */
function noEarlyExpiry(
  { cluster, scenario, hadClockStep }: Checked,
  partition: number,
  mine: readonly Outcome[],
): Violation[] {
  const events = new Map(eventsOf(cluster, partition).map((entry) => [entry.offset, entry]))
  return mine.flatMap(({ event, reason, table, at }) => {
    const entry = events.get(event)
    const join = scenario.tables.find(({ name }) => name === table)
    if ((reason !== 'no-row' && reason !== 'not-ready') || entry === undefined || join?.atMostMs === undefined)
      return []
    const law = 'law 9 no early expiry'
    const deadline = entry.at + join.atMostMs
    if (!hadClockStep && at < deadline) return [{ law, text: `expired at ${at}, before ${deadline}`, partition, event }]
    const key = textOf(entry.record.key)
    const rows = committed(cluster, join.name, partition).filter(({ record }) => textOf(record.key) === key)
    const until = hadClockStep ? entry.at : deadline
    const before = rows.filter(({ visibleAt }) => (visibleAt as number) <= until).at(-1)
    const since = rows.filter(({ visibleAt }) => (visibleAt as number) > until && (visibleAt as number) <= at)
    const isThere = [before, ...since].every(
      (row) => row !== undefined && row.record.value !== null && isReady(row.record.value),
    )
    return isThere ? [{ law, text: `expired at ${at} beside a row of ${join.name}`, partition, event }] : []
  })
}

const isReady = (value: Uint8Array): boolean => (JSON.parse(textOf(value)) as SimRow).isReady
