import { changelogEntry } from '../changelog-records.js'
import { headerOf, textOf } from './checker/log-history.js'
import type { Violation } from './checker/violation.js'
import { callInWords } from './explain-call.js'
import { APPLICATION } from './scenario/scenario.js'
import { shrink } from './shrink.js'
import type { SimHistory } from './simulate.js'

/** A violation in one line. */
export function inWords({ law, text, partition, event }: Violation): string {
  const where = event
    ? `${event.stream}[${partition}]@${event.offset}`
    : partition === undefined
      ? ''
      : `[${partition}]`
  return `${law}: ${where} ${text}`.replace(/ +/g, ' ')
}

/** How a history ended, in one line. */
export function ending({ seed, workload, violations }: SimHistory): string {
  const [first] = violations
  return first
    ? `seed ${seed}: ${violations.length} violations in ${workload}, first ${inWords(first)}`
    : `seed ${seed}: nothing is wrong in ${workload}`
}

/** The shortest history with the fewest faults that still fails, and what the log says of the first event that it fails with. */
export async function explain(history: SimHistory): Promise<string[]> {
  const shrunk = await shrink(history)
  const { only, horizonMs } = shrunk
  const { scenario, violations, trace, faults } = shrunk.history
  const options = [`--only "${only.join(',')}"`, ...(horizonMs === undefined ? [] : [`--horizon ${horizonMs}`])]
  const [first] = violations
  return [
    `smaller: ${ending(shrunk.history)}`,
    `look at it with --workload ${history.workload} --seed ${history.seed} ${options.join(' ')} --trace`,
    JSON.stringify(scenario),
    ...faults.map(({ fault, at, index }) => `  fault ${index} at ${at.toFixed(0)} ms: ${fault}`),
    ...(trace ?? []).filter((line) => TELLING.test(line)).map((line) => `  ${line}`),
    ...(first?.call === undefined ? [] : callInWords(shrunk.history, first.call, first.partition)),
    ...(first ? lifeInWords(shrunk.history, first) : []),
  ]
}

const TELLING = /nemesis|is (running|restoring|rebalancing|closing)|reopens|tries|stopped|generation/
const MOST_LINES = 200

/** Everything in the log that is about one event and its key, in the order of time. */
function lifeInWords({ cluster, scenario }: SimHistory, { partition, event }: Violation): string[] {
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
        topic === `${APPLICATION}-changelog` && number === partition ? changelogInWords(record, event) : undefined
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
  return [`the log about ${event.stream}[${partition}]@${event.offset}, key ${key}:`, ...sorted.slice(-MOST_LINES)]
}

function changelogInWords(
  { key, value }: { readonly key: Uint8Array | null; readonly value: Uint8Array | null },
  { stream, offset }: { readonly stream: string; readonly offset: number },
): string | undefined {
  const entry = changelogEntry(key as Uint8Array, value)
  if (entry.kind === 'owner') return 'OWNER'
  if (entry.kind === 'position')
    return `POSITION ${Object.entries(entry.position.inputs)
      .map(([topic, { next }]) => `${topic} ${next}`)
      .join(', ')}`
  if (entry.kind !== 'waiter' || entry.pipeline !== stream || entry.offset !== offset) return undefined
  return entry.waiter === null ? 'WAITER goes' : `WAITER arrived ${entry.waiter.arrival}`
}
