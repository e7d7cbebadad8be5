import { decodeCall, isFinished } from '../changelog/call-record.js'
import { POSITION_KEY, parseChangelogKey } from '../changelog/keys.js'
import { encodePosition } from '../changelog/position-record.js'
import { type Clock, systemClock } from '../clock.js'
import { JoineryError } from '../errors.js'
import type { ChangelogRecord, Guarantee, Log, LogSource, TaskSession } from '../log/contract.js'
import { newTotals } from '../outcome/totals.js'
import type { Pipeline } from '../pipeline/pipeline.js'
import { type ApplicationPlan, planApplication } from '../pipeline/plan.js'
import { keyText } from '../serde/key-text.js'
import { type Position, pipelineHash } from '../task/pipeline-fingerprint.js'
import { keptTables } from '../task/tables/kept-tables.js'
import { checkOptionNames } from '../unknown-options.js'
import { chooseGuarantee, withGuarantee } from './guarantee.js'
import { type ApplicationTopics, describeTopics } from './input-topics.js'

/** Options of {@link reset}. `G`: the guarantees of its log. */
export interface ResetOptions<G extends Guarantee = 'exactly-once'> {
  /** The application to reset. */
  readonly application: string
  /** The log with its topics. */
  readonly log: Log<G>
  /**
   * The guarantee that is passed to `run`: each one stores positions in another place.
   *
   * @defaultValue the strongest that the log offers
   */
  readonly guarantee?: NoInfer<G>
  /**
   * Where streams are read from afterwards: from their earliest records, or only records appended from now on.
   *
   * @defaultValue `'earliest'`
   */
  readonly streams?: 'earliest' | 'latest'
  /** @defaultValue the machine's clock */
  readonly clock?: Clock
}

const RESET_OPTIONS: Readonly<Record<keyof ResetOptions, true>> = {
  application: true,
  log: true,
  guarantee: true,
  streams: true,
  clock: true,
}
/** Rows deleted in one transaction. */
const BATCH_SIZE = 10_000

/**
 * Resets an application: deletes its waiting events, its stored rows and its totals. Tables are read from their
 * beginning again, streams from the position that `streams` selects. Changing the offsets of the consumer group has no
 * such effect: they only serve lag tools. Calls are kept, open and finished: if the record of a call is read again, it
 * counts as a `duplicate`, and the call is not repeated. Outputs stay, so events that are read again have a second
 * outcome.
 *
 * Running instances are fenced, and continue from the new position. If a reset is interrupted, repeat it.
 *
 * @throws JoineryError as `run`; `LOG_FAILED` if a task could not be reset because an instance opened it in the
 * meantime
 *
 * @example
 * ```ts
 * await reset(notify, { application: 'service-a', log, streams: 'latest' })
 * ```
 */
export async function reset<G extends Guarantee>(
  what: Pipeline | readonly Pipeline[],
  options: ResetOptions<G>,
): Promise<void> {
  checkOptionNames('reset', options, RESET_OPTIONS)
  const { application, log } = options
  const plan = planApplication(application, what, chooseGuarantee(log, options.guarantee))
  const topics = await describeTopics({ application, plan, log })
  const { partitions } = topics.changelog
  const tasks = withGuarantee(plan.guarantee, log)
  for (let task = 0; task < partitions; task++) {
    const session = await tasks.open({ application, task })
    try {
      await resetTask(session, plan, topics, options)
    } finally {
      await session.close()
    }
  }
}

async function resetTask(
  session: TaskSession,
  plan: ApplicationPlan,
  topics: ApplicationTopics,
  { log, streams = 'earliest', clock = systemClock }: Omit<ResetOptions<never>, 'guarantee'>,
): Promise<void> {
  const { waiters, rows, calls } = await liveKeys(log.source, session)
  const { partition } = session.changelog
  const inputs: Record<string, Position['inputs'][string]> = {}
  for (const { topic, id } of topics.inputs.values()) {
    const at = { topic, partition }
    const isSkipped = streams === 'latest' && plan.streams.includes(topic)
    const next = isSkipped ? await log.source.endOffset(at, 'last-stable-offset') : await log.source.earliestOffset(at)
    inputs[topic] = { id, next, ...(plan.tables.some((table) => table.topic === topic) && { skipped: 0 }) }
  }
  const position = encodePosition({
    writtenAt: clock.now(),
    inputs,
    partitions: topics.changelog.partitions,
    hash: pipelineHash(plan, keptTables(plan, topics.inputs)),
    totals: Object.fromEntries([
      ...plan.pipelines.map(({ name }) => [name, newTotals()] as const),
      ...plan.calls.map(({ name }) => {
        const open = calls.get(name) ?? 0
        return [name, { ...newTotals(), in: open, waiting: open }] as const
      }),
    ]),
  })
  // the waiting events are deleted in the same transaction as the position changes that reads them again
  await commit(session, [...waiters, { key: POSITION_KEY, value: position }])
  for (let i = 0; i < rows.length; i += BATCH_SIZE) await commit(session, rows.slice(i, i + BATCH_SIZE))
}

async function commit(session: TaskSession, changelog: readonly ChangelogRecord[]): Promise<void> {
  const result = await session.commit({ outputs: [], changelog, offsets: new Map() })
  if (result.outcome === 'committed') return
  const { topic, partition } = session.changelog
  throw new JoineryError(
    'LOG_FAILED',
    `task ${partition} could not be reset, the commit was ${result.outcome}: repeat the reset`,
    { cause: result.cause, topic, partition, retriable: true },
  )
}

interface LiveKeys {
  /** Tombstones for waiting events, and for rows. */
  readonly waiters: readonly ChangelogRecord[]
  readonly rows: readonly ChangelogRecord[]
  /** Number of open calls, by pipeline. */
  readonly calls: ReadonlyMap<string, number>
}

/** Reads the changelog for its current keys. */
async function liveKeys(log: LogSource, { changelog, token, source = log }: TaskSession): Promise<LiveKeys> {
  const live = new Map<string, Uint8Array>()
  const open = new Map<string, string>()
  const stop = new AbortController()
  const from = { ...changelog, offset: await source.earliestOffset(changelog) }
  for await (const { records, next } of source.read(from, stop.signal)) {
    for (const { key, value } of records) {
      if (key === null) continue
      const text = keyText(key)
      const parsed = parseChangelogKey(key)
      if (value === null) live.delete(text)
      else live.set(text, Uint8Array.from(key))
      if (parsed.kind !== 'call') continue
      if (value === null || isFinished(decodeCall(value, parsed.pipeline, changelog.partition))) open.delete(text)
      else open.set(text, parsed.pipeline)
    }
    if (next > token.offset) break
  }
  stop.abort()
  const tombstones = (kind: string) =>
    [...live.values()].filter((key) => parseChangelogKey(key).kind === kind).map((key) => ({ key, value: null }))
  const calls = new Map<string, number>()
  for (const pipeline of open.values()) calls.set(pipeline, (calls.get(pipeline) ?? 0) + 1)
  return { waiters: tombstones('waiter'), rows: tombstones('row'), calls }
}
