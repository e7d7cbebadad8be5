import { changelogEntry } from '../changelog-records.js'
import { headerOf, textOf } from './checker/log-history.js'
import type { Violation } from './checker/violation.js'
import { describeCall } from './describe-call.js'
import { APPLICATION } from './scenario/scenario.js'
import { shrink } from './shrink.js'
import type { SimHistory } from './simulate.js'

/** @returns a violation as one line */
export function describeViolation({ law, text, partition, event }: Violation): string {
  const where = event
    ? `${event.stream}[${partition}]@${event.offset}`
    : partition === undefined
      ? ''
      : `[${partition}]`
  return `${law}: ${where} ${text}`.replace(/ +/g, ' ')
}

/** @returns how a history ended, as one line */
export function summaryOf({ seed, workload, violations }: SimHistory): string {
  const [first] = violations
  return first
    ? `seed ${seed}: ${violations.length} violations in ${workload}, first ${describeViolation(first)}`
    : `seed ${seed}: no violation in ${workload}`
}

/** Shrinks a failing history and describes what remains, with everything in the log about its first violation. */
export async function explain(history: SimHistory): Promise<string[]> {
  const shrunk = await shrink(history)
  const { only, horizonMs } = shrunk
  const { scenario, violations, trace, faults } = shrunk.history
  const options = [`--only "${only.join(',')}"`, ...(horizonMs === undefined ? [] : [`--horizon ${horizonMs}`])]
  const [first] = violations
  return [
    `smaller: ${summaryOf(shrunk.history)}`,
    `replay it with --workload ${history.workload} --seed ${history.seed} ${options.join(' ')} --trace`,
    JSON.stringify(scenario),
    ...faults.map(({ fault, at, index }) => `  fault ${index} at ${at.toFixed(0)} ms: ${fault}`),
    ...(trace ?? []).filter((line) => RELEVANT.test(line)).map((line) => `  ${line}`),
    ...(first?.call === undefined ? [] : describeCall(shrunk.history, first.call, first.partition)),
    ...(first ? describeEvent(shrunk.history, first) : []),
  ]
}

const RELEVANT = /nemesis|is (running|restoring|rebalancing|closing)|reopens|tries|stopped|generation/
const MAX_LINES = 200

/** @returns everything in the log about one event and its key, in order of time */
function describeEvent({ cluster, scenario }: SimHistory, { partition, event }: Violation): string[] {
  if (event === undefined || partition === undefined) return []
  const input = cluster.partition(event.stream, partition).entries[event.offset]?.record
  const key = textOf(input?.key)
  const inputs = new Set([event.stream, ...scenario.tables.map(({ name }) => name)])
  const lines: { readonly at: number; readonly text: string }[] = []
  for (const { topic, partition: number, entries } of cluster.partitions) {
    for (const { offset, record, at, visibleAt, transaction } of entries) {
      if (record === undefined) continue
      const isInput = inputs.has(topic) && number === partition && textOf(record.key) === key
      const isOutcome =
        headerOf(record, 'joinery-origin') === `${APPLICATION}/${event.stream}/${partition}/${event.offset}`
      const text =
        topic === `${APPLICATION}-changelog` && number === partition
          ? describeChangelogRecord(record, event)
          : undefined
      if (!isInput && !isOutcome && text === undefined) continue
      const seen = visibleAt === undefined ? 'never readable' : `readable at ${visibleAt.toFixed(1)}`
      const what = text ?? (record.value === null ? 'null' : textOf(record.value))
      lines.push({
        at,
        text: `  ${at.toFixed(1)} (${seen}) transaction ${transaction} ${topic}[${number}]@${offset}: ${what}`,
      })
    }
  }
  const sorted = lines.sort((a, b) => a.at - b.at).map(({ text }) => text)
  return [`log of ${event.stream}[${partition}]@${event.offset}, key ${key}:`, ...sorted.slice(-MAX_LINES)]
}

function describeChangelogRecord(
  { key, value }: { readonly key: Uint8Array | null; readonly value: Uint8Array | null },
  { stream, offset }: { readonly stream: string; readonly offset: number },
): string | undefined {
  const entry = changelogEntry(key as Uint8Array, value)
  if (entry.type === 'owner') return 'OWNER'
  if (entry.type === 'position')
    return `POSITION ${Object.entries(entry.position.inputs)
      .map(([topic, { next }]) => `${topic} ${next}`)
      .join(', ')}`
  if (entry.type !== 'waiter' || entry.pipeline !== stream || entry.offset !== offset) return undefined
  return entry.waiter === null ? 'WAITER goes' : `WAITER arrived ${entry.waiter.arrival}`
}
