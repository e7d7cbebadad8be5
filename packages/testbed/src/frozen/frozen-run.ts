import { type App, type AppEvent, run } from '@joinery/core'
import { kafkaLog } from '@joinery/kafkajs'
import { type Activation, type ActivationJoin, activationJoin } from '../join-check/activation-join.js'
import { PlainClient } from '../join-check/plain-client.js'
import type { ClusterMember, LocalCluster } from '../kafka/local-cluster.js'
import { poll } from '../poll.js'
import { activeController } from '../wire/cluster-roles.js'
import { EventFeed } from './event-feed.js'
import { type FreezeTarget, nodeOf } from './freeze-target.js'
import { OutputSilence } from './output-silence.js'

/** What one run has shown. */
export interface FrozenRun {
  readonly target: FreezeTarget
  /** The broker that was frozen. */
  readonly node: number
  /** How long the application took to be ready, in milliseconds. */
  readonly startedMs: number
  /** How long a second application took to be ready that started while the broker was frozen, in milliseconds. */
  readonly secondStartedMs: number
  /** The longest time without an output although events were there, in milliseconds. */
  readonly longestSilenceMs: number
  /** The same of a single partition. */
  readonly longestPartitionSilenceMs: number
  /** The time from the freeze until `health()` named the broker, in milliseconds. */
  readonly namedAfterMs: number | undefined
  readonly events: number
  readonly lost: number
  readonly doubled: number
  /** What must not be: empty if everything is as promised. */
  readonly violations: readonly string[]
}

const PARTITIONS = 3
const KEYS = 30
const BEFORE_MS = 5_000
const FROZEN_MS = 40_000
const CATCH_UP_MS = 60_000
const START_LIMIT_MS = 60_000
/** The promises: with a broker frozen, an application starts within, and outputs pause for at most this time. */
const MAX_START_MS = 15_000
const MAX_SILENCE_MS = 20_000
/** A partition may be silent until the coordinator of its last transaction gives up the frozen broker, after 30 s. */
const MAX_PARTITION_SILENCE_MS = 35_000

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Freezes a broker under load for a while, and verifies that the join continues meanwhile, and that every event has one output. */
export async function frozenRun(
  cluster: LocalCluster,
  name: string,
  target: FreezeTarget,
  trace: (line: string) => void,
): Promise<FrozenRun> {
  const members = await bootstrapOrder(cluster)
  const brokers = members.map(({ address }) => address)
  const client = new PlainClient(brokers)
  const join = activationJoin(name)
  await client.createTopics(join, PARTITIONS)
  const rows = Array.from({ length: KEYS }, (_, i) => ({ key: `k${i}`, value: JSON.stringify({ key: `k${i}` }) }))
  await client.produce(join.information.name, rows)
  const second = await stopped(name, client, brokers)
  const feed = new EventFeed(join.activations.name, KEYS, brokers)
  const isAtStart = target === 'first bootstrap broker'
  const [first = failure()] = members
  if (isAtStart) await first.freeze()
  const began = performance.now()
  const note = (what: string) => trace(`${((performance.now() - began) / 1_000).toFixed(1)} s: ${what}`)
  await using log = kafkaLog({ brokers, onRetry: ({ message }) => note(`retries after ${message}`) })
  const onEvent = (event: AppEvent) => note(JSON.stringify(event))
  await using app = await unlessLate(run(join.pipeline, { application: join.application, log, onEvent }))
  await unlessLate(app.ready)
  const startedMs = performance.now() - began
  const silence = new OutputSilence(performance.now())
  const unwatch = silence.watch(
    () => emittedOf(app),
    () => feed.acknowledgedOf,
  )
  const frozen = isAtStart ? first : memberOf(cluster, await nodeOf(target, first.address, { client, join }))
  feed.start()
  if (!isAtStart) await sleep(BEFORE_MS)
  feed.avoid(frozen.address)
  const frozenAt = isAtStart ? began : performance.now()
  if (!isAtStart) await frozen.freeze()
  note(`broker ${frozen.nodeId} is frozen`)
  const naming = named(app, frozen, frozenAt)
  const secondStarting = startedAfter(second, brokers, (what) => note(`second: ${what}`))
  await sleep(FROZEN_MS)
  const namedAfterMs = await naming
  const secondStartedMs = await secondStarting
  await frozen.thaw()
  note('it is thawed')
  await feed.stop()
  await poll(() => emittedBy(app) >= feed.acknowledged, CATCH_UP_MS)
  unwatch()
  const written = await client.committed(join.activations.name)
  await poll(() => emittedBy(app) >= written.length, CATCH_UP_MS)
  await app.close()
  const { longestMs: longestSilenceMs, longestOfPartitionMs: longestPartitionSilenceMs } = silence
  const silences = { longestSilenceMs, longestPartitionSilenceMs }
  const times = { target, node: frozen.nodeId, startedMs, secondStartedMs, ...silences, namedAfterMs }
  const counts = await lostAndDoubled(client, join, written)
  return { ...times, events: written.length, ...counts, violations: violationsOf({ ...times, ...counts }) }
}

/**
 * The controller is not the first: to create the changelog needs the controller, and a broker waits for a frozen one for
 * `controller.socket.timeout.ms` (30 s) before it forwards the request to the next.
 */
async function bootstrapOrder({ members }: LocalCluster): Promise<readonly ClusterMember[]> {
  const [any = failure()] = members
  const controller = await activeController(any.address)
  return [...members].sort((a, b) => Number(a.nodeId === controller) - Number(b.nodeId === controller))
}

/** @throws Error if the application has not started long after it should have */
function unlessLate<T>(starting: Promise<T>): Promise<T> {
  const late = sleep(START_LIMIT_MS).then(() => {
    throw new Error(`the application did not start within ${START_LIMIT_MS / 1_000} s`)
  })
  return Promise.race([starting, late])
}

/** Starts an application and closes it again, so that its changelog exists: to create topics may need the frozen controller. */
async function stopped(name: string, client: PlainClient, brokers: string[]): Promise<ActivationJoin> {
  const join = activationJoin(`${name}-second`)
  await client.createTopics(join, PARTITIONS)
  await using log = kafkaLog({ brokers })
  await using app = await unlessLate(run(join.pipeline, { application: join.application, log }))
  await unlessLate(app.ready)
  return join
}

/** @returns how long an application takes to be ready, in milliseconds; it is closed then */
async function startedAfter(join: ActivationJoin, brokers: string[], note: (what: string) => void): Promise<number> {
  const began = performance.now()
  await using log = kafkaLog({ brokers, onRetry: ({ message }) => note(`retries after ${message}`) })
  const onEvent = (event: AppEvent) => note(JSON.stringify(event))
  await using app = await unlessLate(run(join.pipeline, { application: join.application, log, onEvent }))
  await unlessLate(app.ready)
  return performance.now() - began
}

/** The outputs of each task, whose partitions are those of the events. */
const emittedOf = (app: App): ReadonlyMap<number, number> => {
  const [tasks = {}] = Object.values(app.metrics().tasks)
  return new Map(Object.entries(tasks).map(([task, { emitted }]) => [Number(task), emitted]))
}

const emittedBy = (app: App): number =>
  Object.values(app.metrics().pipelines).reduce((total, { emitted }) => total + emitted, 0)

const memberOf = ({ members }: LocalCluster, node: number): ClusterMember =>
  members.find(({ nodeId }) => nodeId === node) ?? failure()

function failure(): never {
  throw new Error('the cluster does not have this broker')
}

/** @returns the time until `health()` named a broker, if it does while the broker is frozen */
async function named(app: App, { address }: ClusterMember, since: number): Promise<number | undefined> {
  const isNamed = () => app.health().problems.some((problem) => problem.includes(address))
  return (await poll(isNamed, FROZEN_MS - 1_000)) ? performance.now() - since : undefined
}

async function lostAndDoubled(
  client: PlainClient,
  { notifications }: ActivationJoin,
  written: readonly { readonly value: string }[],
): Promise<Pick<FrozenRun, 'lost' | 'doubled'>> {
  const ids = (records: readonly { readonly value: string }[]) =>
    records.map(({ value }) => (JSON.parse(value) as Activation).id)
  const outputs = ids(await client.committed(notifications.name))
  const distinct = new Set(outputs)
  return { lost: ids(written).filter((id) => !distinct.has(id)).length, doubled: outputs.length - distinct.size }
}

function violationsOf({
  startedMs,
  secondStartedMs,
  longestSilenceMs,
  longestPartitionSilenceMs,
  namedAfterMs,
  lost,
  doubled,
}: Omit<FrozenRun, 'events' | 'violations'>): string[] {
  const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`
  return [
    ...(startedMs > MAX_START_MS ? [`it started after ${seconds(startedMs)}`] : []),
    ...(secondStartedMs > MAX_START_MS ? [`a second application started after ${seconds(secondStartedMs)}`] : []),
    ...(longestPartitionSilenceMs > MAX_PARTITION_SILENCE_MS
      ? [`no output in a partition for ${seconds(longestPartitionSilenceMs)}`]
      : []),
    ...(longestSilenceMs > MAX_SILENCE_MS ? [`no output for ${seconds(longestSilenceMs)}`] : []),
    ...(namedAfterMs === undefined ? ['health() did not name the broker'] : []),
    ...(lost > 0 ? [`${lost} events have no output`] : []),
    ...(doubled > 0 ? [`${doubled} events have two outputs`] : []),
  ]
}
