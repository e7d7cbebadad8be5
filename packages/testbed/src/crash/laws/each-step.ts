import type { Totals } from '../../changelog-records.js'
import type { CommittedRecord } from '../committed.js'
import type { History, Outcome, Step } from '../history.js'
import { expectedOutcomes } from './expected-outcomes.js'
import type { Violation } from './violation.js'

const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0)

interface PipelineStep {
  readonly pipeline: string
  readonly task: number
  readonly before: Step | undefined
  readonly step: Step
  /** The stream records that it consumed. */
  readonly consumed: readonly CommittedRecord[]
  readonly outcomes: readonly Outcome[]
}

/**
 * Law 1 and I6 at every commit: everything that was consumed or had been waiting has an outcome in this commit or keeps waiting,
 * nothing else has an outcome, and the totals agree. This detects a position that is ahead of the state, or behind it.
 */
export function eachStep(history: History): Violation[] {
  const { service, steps, records, outcomes } = history
  const violations: Violation[] = []
  for (const { name: pipeline } of [service.activations, service.orders]) {
    const stream = records.get(pipeline) ?? []
    for (const [task, all] of steps.entries()) {
      const mine = stream.filter(({ partition }) => partition === task)
      const byStep = new Map<number | undefined, Outcome[]>()
      for (const outcome of outcomes) {
        if (outcome.origin.topic !== pipeline || outcome.origin.partition !== task) continue
        byStep.set(outcome.step, [...(byStep.get(outcome.step) ?? []), outcome])
      }
      for (const { origin } of byStep.get(undefined) ?? [])
        violations.push({
          law: 'I6 no torn commit',
          text: 'its outcome was written without a POSITION',
          record: origin,
        })
      const counted = new Counter()
      let at = 0
      for (const [i, step] of all.entries()) {
        const from = at
        const next = step.position.inputs[pipeline]?.next ?? 0
        while (at < mine.length && (mine[at] as CommittedRecord).offset < next) at++
        const consumed = mine.slice(from, at)
        const found = byStep.get(i) ?? []
        counted.add(consumed, found, history)
        const of = { pipeline, task, before: all[i - 1], step, consumed, outcomes: found }
        violations.push(...flow(of, history), ...totals(of, counted))
      }
    }
  }
  return violations
}

/** The events that enter a step are the events that leave it. */
function flow(of: PipelineStep, { service }: History): Violation[] {
  const { pipeline, task, before, step, consumed, outcomes } = of
  const at = (offset: number) => ({ topic: pipeline, partition: task, offset })
  const waitingIn = (at: Step | undefined) =>
    new Set([...(at?.waiting.values() ?? [])].filter((each) => each.pipeline === pipeline).map(({ offset }) => offset))
  const [had, has] = [waitingIn(before), waitingIn(step)]
  const done = new Set(outcomes.map(({ origin }) => origin.offset))
  const arrived = new Set(consumed.map(({ offset }) => offset))
  const dropped = new Set(
    consumed.filter((record) => expectedOutcomes(service, record).includes('dropped')).map(({ offset }) => offset),
  )
  const law = 'I6 position and state agree'
  const when = `in the commit at offset ${step.offset} of the changelog`
  const violations: Violation[] = []
  for (const offset of [...had, ...arrived]) {
    const ends = [has.has(offset), done.has(offset), dropped.has(offset)].filter(Boolean).length
    if (ends !== 1)
      violations.push({ law, text: `${ends} of: still waiting, outcome, dropped; ${when}`, record: at(offset) })
  }
  for (const offset of done)
    if (!had.has(offset) && !arrived.has(offset))
      violations.push({ law, text: `has an outcome but was not consumed; ${when}`, record: at(offset) })
  for (const offset of has)
    if (!had.has(offset) && !arrived.has(offset))
      violations.push({ law, text: `is waiting but was not consumed; ${when}`, record: at(offset) })
  return violations
}

/** The expected totals. */
class Counter {
  in = 0
  emitted = 0
  dropped = 0
  joined = 0
  readonly deadLettered = new Map<string, number>()

  add(consumed: readonly CommittedRecord[], outcomes: readonly Outcome[], { service }: History): void {
    this.in += consumed.length
    this.dropped += consumed.filter((record) => expectedOutcomes(service, record).includes('dropped')).length
    for (const { reason, version } of outcomes) {
      if (reason !== undefined) this.deadLettered.set(reason, (this.deadLettered.get(reason) ?? 0) + 1)
      else this.emitted++
      if (reason === undefined && version !== null) this.joined++
    }
  }
}

function totals({ pipeline, task, step }: PipelineStep, counted: Counter): Violation[] {
  const found = step.position.totals[pipeline] as Totals
  const waits = [...step.waiting.values()].filter((each) => each.pipeline === pipeline).length
  const claims: readonly (readonly [what: string, found: number, counted: number])[] = [
    [
      'in = emitted + dropped + dead-lettered + waiting',
      found.in,
      found.emitted + sum(found.dropped) + sum(found.deadLettered) + found.waiting,
    ],
    ['in', found.in, counted.in],
    ['emitted', found.emitted, counted.emitted],
    ['dropped', sum(found.dropped), counted.dropped],
    ['waiting', found.waiting, waits],
    ['joined', sum(found.joined), counted.joined],
    ['unmatched', sum(found.unmatched), counted.emitted - counted.joined],
    ...[...new Set([...counted.deadLettered.keys(), ...Object.keys(found.deadLettered)])].map(
      (reason) =>
        [`dead-lettered as ${reason}`, found.deadLettered[reason] ?? 0, counted.deadLettered.get(reason) ?? 0] as const,
    ),
  ]
  return claims
    .filter(([, left, right]) => left !== right)
    .map(([what, left, right]) => ({
      law: 'law 1 at every commit',
      text: `${what}: ${left} in the totals of ${pipeline}[${task}], ${right} in the log, at offset ${step.offset} of the changelog`,
    }))
}
