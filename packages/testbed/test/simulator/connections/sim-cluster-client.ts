import { KafkaCluster } from '../../../../kafkajs/src/connection/kafka-cluster.js'
import { OngoingRetries } from '../../../../kafkajs/src/connection/ongoing-retries.js'
import { Throttling } from '../../../../kafkajs/src/connection/throttling.js'
import { LIST_OFFSETS, OFFSET_SPEC } from '../../../../kafkajs/src/protocol/list-offsets.js'
import type { Release } from '../../../src/simulator/brokers/broker-releases.js'
import { Network } from '../../../src/simulator/brokers/network.js'
import { SimCluster } from '../../../src/simulator/brokers/sim-cluster.js'
import { addressesOf, simSockets } from '../../../src/simulator/connections/sim-sockets.js'
import { EventLoop } from '../../../src/simulator/event-loop.js'
import { SimProcess } from '../../../src/simulator/machines/sim-process.js'
import { Random } from '../../../src/simulator/random.js'

const TOPIC = 'events'

/** A process with kafkaLog's connections to simulated brokers. */
export class SimClient {
  readonly eventLoop: EventLoop = new EventLoop(new Random(1), true)
  readonly network: Network = new Network(this.eventLoop)
  readonly cluster: SimCluster
  readonly process: SimProcess = new SimProcess(this.eventLoop, 'p0')
  readonly kafka: KafkaCluster

  constructor(releases: readonly Release[] = ['4.3', '4.3', '4.3'], requestTimeoutMs: number = 2_000) {
    this.cluster = new SimCluster(this.eventLoop, { deleteRetentionMs: 0, transactionVersion: 1, releases })
    this.cluster.create(TOPIC, { partitions: 3, cleanup: 'delete' })
    this.kafka = new KafkaCluster({
      name: 'test',
      clock: this.process.clock,
      bootstrap: async () => addressesOf(this.cluster),
      sockets: simSockets(this.process, this.network, this.cluster),
      requestTimeoutMs,
      connectRetry: { initialRetryTime: 100, maxRetryTime: 5_000, retries: 10 },
      retries: new OngoingRetries(undefined),
      throttling: new Throttling(this.process.clock),
    })
  }

  /** Fetches the end of a partition from its leader, as last known. */
  async endOf(partition: number): Promise<{ readonly leader: number; readonly errorCode: number | undefined }> {
    const leader = await this.kafka.leaderOf(TOPIC, partition)
    const { topics } = await this.kafka.request(leader, 'main', LIST_OFFSETS, {
      replicaId: -1,
      isolationLevel: 0,
      topics: [{ name: TOPIC, partitions: [{ partitionIndex: partition, timestamp: OFFSET_SPEC.latest }] }],
    })
    return { leader, errorCode: topics[0]?.partitions[0]?.errorCode }
  }

  /** Plays until a promise settles, and returns its result or its error. */
  async settled<T>(promise: Promise<T>): Promise<{ readonly result?: T; readonly error?: Error; readonly at: number }> {
    let outcome: { readonly result?: T; readonly error?: Error } | undefined
    promise.then(
      (result) => {
        outcome = { result }
      },
      (error: Error) => {
        outcome = { error }
      },
    )
    this.eventLoop.schedule(1, 'the test begins', () => {}) // the work has to schedule something first
    await new Promise((resolve) => setImmediate(resolve))
    await this.eventLoop.run(() => outcome !== undefined, 100_000)
    return { ...outcome, at: this.eventLoop.now }
  }

  /** Plays for some time. */
  async play(ms: number): Promise<void> {
    let isOver = false
    this.eventLoop.schedule(ms, 'the test continues', () => {
      isOver = true
    })
    await this.eventLoop.run(() => isOver, 100_000)
  }
}
