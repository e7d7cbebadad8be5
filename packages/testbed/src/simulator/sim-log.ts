import { JoineryError } from '@joinery/core'
import {
  type Batch,
  type ChangelogRecord,
  type CommitResult,
  changelogOwner,
  type Log,
  type LogSource,
  type NewRecord,
  type Origin,
  type TaskSession,
  type TopicPartition,
} from '@joinery/core/log'
import { type Network, NoAnswer } from './network.js'
import type { SimCluster } from './sim-cluster.js'
import type { SimGroup } from './sim-group.js'
import { simGroups } from './sim-membership.js'
import type { SimPartition } from './sim-partition.js'
import { brokerTime, type SimProcess } from './sim-process.js'
import { Fenced } from './transactions.js'

const MOST_RECORDS = 50
const RETRY_MS = 100

/** What a process needs to reach the simulated brokers. */
export interface SimLogParts {
  readonly process: SimProcess
  readonly network: Network
  readonly cluster: SimCluster
  readonly group: SimGroup
}

/** The simulated brokers as one process sees them: everything goes over the network, and may fail or come late. */
export function simLog(parts: SimLogParts): Log<'exactly-once'> {
  const { process, network, cluster, group } = parts
  const call = <T>(label: string, execute: () => T | Promise<T>): Promise<T> =>
    network.call(process, `${process.name} ${label}`, execute).catch((error: unknown) => {
      if (!(error instanceof NoAnswer)) throw error
      throw new JoineryError('LOG_FAILED', `no answer to ${label}`, { cause: error, retriable: true })
    })
  return {
    source: new SimSource(parts, call),
    sink: { append: async (records) => call('append', () => cluster.append(records)) },
    group: simGroups(process, network, group),
    tasks: {
      guarantees: ['exactly-once'],
      prepare: async ({ application, partitions }) => {
        const topic = `${application}-changelog`
        return call('prepare', () => cluster.info(topic) ?? cluster.create(topic, { partitions, cleanup: 'compact' }))
      },
      open: ({ application, task }) => openSession(parts, call, application, task),
    },
    async [Symbol.asyncDispose]() {},
  }
}

type Call = <T>(label: string, execute: () => T | Promise<T>) => Promise<T>

class SimSource implements LogSource {
  readonly #parts: SimLogParts
  readonly #call: Call

  constructor(parts: SimLogParts, call: Call) {
    this.#parts = parts
    this.#call = call
  }

  describe: LogSource['describe'] = (topics) =>
    this.#call('describe', () =>
      topics.map((topic) => {
        const info = this.#parts.cluster.info(topic)
        if (info === undefined) throw new JoineryError('TOPIC_MISSING', `there is no ${topic}`, { topic })
        return info
      }),
    )

  end: LogSource['end'] = ({ topic, partition }, kind) =>
    this.#call(`end of ${topic}[${partition}]`, () => {
      const found = this.#parts.cluster.partition(topic, partition)
      return kind === 'written' ? found.end : found.stableEnd
    })

  earliest: LogSource['earliest'] = (at: TopicPartition) =>
    this.#call(`earliest of ${at.topic}[${at.partition}]`, () => 0)

  async *read({ topic, partition, offset }: Origin, signal: AbortSignal): AsyncGenerator<Batch, void, void> {
    const { process, cluster } = this.#parts
    const found = cluster.partition(topic, partition)
    const label = `fetch of ${topic}[${partition}]`
    let next = offset
    let told = -1
    while (!signal.aborted) {
      const from = next
      let batch: Batch
      try {
        batch = await this.#call(label, () => found.read(from, MOST_RECORDS))
      } catch {
        await process.world.sleep(RETRY_MS, `${process.name} fetches again`, process) // as the adapter does
        continue
      }
      if (signal.aborted) return
      if (batch.records.length === 0 && batch.next === next && told === batch.end) {
        await this.#changed(found, batch.end, signal)
        continue
      }
      next = batch.next
      told = batch.end
      yield batch
    }
  }

  /** A long poll. */
  #changed(partition: SimPartition, end: number, signal: AbortSignal): Promise<void> {
    const { process } = this.#parts
    return new Promise((resolve) => {
      let isWoken = false
      const wake = (): void => {
        if (isWoken) return
        isWoken = true
        signal.removeEventListener('abort', wake)
        process.world.after(process.world.random.next() * 3, `${process.name} is woken`, resolve, process)
      }
      const look = (): void => {
        if (partition.stableEnd === end && !isWoken) partition.watch(look)
        else wake()
      }
      signal.addEventListener('abort', wake)
      look()
    })
  }
}

async function openSession(
  { process, network, cluster }: SimLogParts,
  call: Call,
  application: string,
  task: number,
): Promise<TaskSession> {
  const id = `${application}-${task}`
  const topic = `${application}-changelog`
  const info = cluster.info(topic)
  const changelog = cluster.partition(topic, task)
  const { transactions } = cluster
  const { random } = process.world
  const record = ({ key, value }: ChangelogRecord): NewRecord => ({
    topic,
    partition: task,
    key,
    value,
    timestamp: brokerTime(process.world),
    headers: [],
  })
  const lost = (error: unknown) => {
    if (!(error instanceof Fenced)) throw error
    throw new JoineryError('TASK_LOST', `task ${task} was opened elsewhere`, { retriable: true })
  }
  let epoch = await call(`InitProducerId of ${id}`, () => transactions.init(id)).catch(lost)
  const nonce = Buffer.from(Array.from({ length: 16 }, () => random.between(0, 255)))
  const offset = await call(`OWNER of ${id}`, () =>
    transactions.produce(id, epoch, changelog, [record(changelogOwner(nonce))]),
  ).catch(lost)
  const openedAt = brokerTime(process.world)
  epoch = await call(`EndTxn of OWNER of ${id}`, () => transactions.end(id, epoch, true)).catch(lost)
  let isUsable = true
  const commit = async (work: Parameters<TaskSession['commit']>[0]): Promise<CommitResult> => {
    const targets = cluster.targets([...work.outputs, ...work.changelog.map(record)])
    let changelogOffset = -1
    try {
      await Promise.all(
        Array.from(targets, async ([partition, records]) => {
          const last = await network.call(
            process,
            `Produce of ${id} to ${partition.topic}[${partition.partition}]`,
            () => transactions.produce(id, epoch, partition, records),
          )
          if (partition === changelog) changelogOffset = last
        }),
      )
    } catch (cause) {
      // nobody asked for a commit: it is not, and the next owner's init aborts what was written
      return { outcome: cause instanceof Fenced ? 'fenced' : 'rejected', cause }
    }
    try {
      epoch = await network.call(process, `EndTxn of ${id}`, () => transactions.end(id, epoch, true))
      return { outcome: 'committed', changelogOffset }
    } catch (cause) {
      return { outcome: cause instanceof Fenced ? 'fenced' : 'unclear', cause }
    }
  }
  return {
    token: { topicId: info?.id ?? topic, offset },
    openedAt,
    changelog: { topic, partition: task },
    async commit(work) {
      if (!isUsable) throw new Error('a session that failed was used again')
      const result = await commit(work)
      isUsable = result.outcome === 'committed'
      return result
    },
    async close() {
      isUsable = false
    },
  }
}
