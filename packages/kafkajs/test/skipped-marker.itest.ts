import { type JoineryError, produce, run } from '@joinery/core'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { PlainClient } from '../../testbed/src/join-check/plain-client.js'
import { type LocalCluster, startLocalCluster } from '../../testbed/src/kafka/local-cluster.js'
import type {} from '../../testbed/src/vitest-setup.js'
import { coordinatorOf } from '../../testbed/src/wire/cluster-roles.js'
import { kafkaLog } from '../src/index.js'
import { RecordBatchBuilder } from '../src/protocol/record-batch/record-batch-builder.js'
import { transactionalIdHeader } from '../src/writer/group-commit/transactional-id-header.js'
import { outgoingBatch } from '../src/writer/outgoing-batch.js'
import { TransactionalProducer } from '../src/writer/transactional-producer.js'
import { testJoin } from './support/join.js'
import { recordsOf } from './support/records.js'
import { testCluster } from './support/test-cluster.js'
import { administer, createTopics, unique } from './support/topics.js'

const { isPossible } = inject('ownKafka')
const FROZEN = 2
const LIMIT = { timeout: 20_000, interval: 20 }
const OPTIONS = { transactionTimeoutMs: 60_000, deliveryTimeoutMs: 12_000, codec: 'none' } as const

describe.skipIf(!isPossible)('a topic with a single replica on three brokers', () => {
  let brokers: LocalCluster

  beforeAll(async () => {
    brokers = await startLocalCluster(3)
  }, 120_000)

  afterAll(() => brokers?.[Symbol.asyncDispose]())

  it.each([
    ['exactly-once', (changelog: string, output: string) => [changelog, output]],
    ['at-least-once', (_: string, output: string) => [output]],
  ] as const)('is reported once at the start, if it is written to: %s', async (guarantee, written) => {
    const addresses = brokers.members.map(({ address }) => address)
    const name = unique()
    const application = name('service')
    const { activations, information, notifications, dead, pipeline } = testJoin(name, { waits: false })
    await administer({ brokers: addresses }, (admin) =>
      admin.createTopics({
        topics: [activations, notifications].map((topic) => ({
          topic: topic.name,
          replicaAssignment: [{ partition: 0, replicas: [1] }],
          configEntries: [{ name: 'min.insync.replicas', value: '1' }],
        })),
      }),
    )
    const replicated = { partitions: 1, config: { 'cleanup.policy': 'compact' } }
    await createTopics({ brokers: addresses }, { ...replicated, topic: information.name }, { topic: dead })
    const notices: JoineryError[] = []
    const changelog = { replicationFactor: 1, config: { 'min.insync.replicas': 1 } }
    await using log = kafkaLog({ brokers: addresses, changelog, onNotice: (notice) => notices.push(notice) })
    const start = () => run(pipeline, { application, log, guarantee })
    await (await start()).close()
    const expected = written(`${application}-changelog`, notifications.name).sort()
    expect(notices.map(({ topic }) => topic).sort()).toEqual(expected)
    await using _ = await start()
    await using feeder = kafkaLog({ brokers: addresses })
    await produce(feeder, information, { key: 'p', value: { externalId: 'x' } })
    await produce(feeder, activations, { key: 'p', value: { id: 1, productId: 'p' } })
    await expect.poll(async () => (await recordsOf(feeder, notifications.name)).length, LIMIT).toBe(1)
    expect(notices).toHaveLength(expected.length)
  })

  // Kafka 4.3.1 skips the marker of a partition without a leader (KAFKA-20734), and nothing else would end the transaction
  it('whose abort marker was skipped does not hold up its task, and nothing of the transaction becomes visible', {
    timeout: 120_000,
  }, async () => {
    const addresses = brokers.members.map(({ address }) => address)
    const frozen = brokers.members[FROZEN - 1] as LocalCluster['members'][number]
    const application = unique()('hanging')
    const changelog = { topic: `${application}-changelog`, partition: 0 }
    await administer({ brokers: addresses }, (admin) =>
      admin.createTopics({
        topics: [
          {
            topic: changelog.topic,
            replicaAssignment: [{ partition: 0, replicas: [FROZEN] }],
            configEntries: [
              { name: 'message.timestamp.type', value: 'LogAppendTime' },
              { name: 'min.insync.replicas', value: '1' },
            ],
          },
        ],
      }),
    )
    const cluster = testCluster({ brokers: addresses })
    const id = await idOfOther(addresses[0] as string, application)
    const builder = new RecordBatchBuilder()
    builder.add(Buffer.from('k'), Buffer.from('aborted'), Date.now(), transactionalIdHeader(id))
    const producer = await TransactionalProducer.open(cluster, id, OPTIONS)
    expect(await producer.write([outgoingBatch(changelog, builder)])).toEqual(new Map())

    await frozen.freeze()
    await openUntilDone()
    await frozen.thaw()

    await using log = kafkaLog({ brokers: addresses })
    const session = await log.tasks.open({ application, task: 0 })
    const committed = await new PlainClient(addresses).committed(changelog.topic)
    await session.close()
    await cluster.close()
    expect(session.token.offset).toBeGreaterThan(0)
    expect(committed.map(({ value }) => value)).not.toContain('aborted')

    /** InitProducerId has a response once the frozen broker leads nothing: its marker is skipped then. */
    async function openUntilDone(): Promise<void> {
      for (;;) {
        try {
          await TransactionalProducer.open(cluster, id, OPTIONS)
          return
        } catch {
          // the coordinator still waits for the marker
        }
      }
    }
  })
})

/** @returns a transactional id of an application whose coordinator is not frozen */
async function idOfOther(broker: string, application: string): Promise<string> {
  for (let i = 0; ; i++) {
    const id = `${application}-${i}`
    const node = await coordinatorOf(broker, 'transaction', id).catch(() => FROZEN) // it may not be there yet
    if (node !== FROZEN) return id
  }
}
