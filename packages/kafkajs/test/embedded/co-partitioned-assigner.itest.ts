import kafkajs, { type Consumer } from 'kafkajs'
import { afterEach, describe, expect, inject, it } from 'vitest'
import type {} from '../../../testbed/src/vitest-setup.js'
import { coPartitionedAssigner } from '../../src/index.js'
import { createTopics, unique } from '../support/topics.js'

const brokers = inject('brokers')
const LIMIT = { timeout: 30_000, interval: 50 }

/** A consumer, and its assignment. */
class Member {
  readonly consumer: Consumer
  assigned: Readonly<Record<string, readonly number[]>> = {}
  crash: Error | undefined

  constructor(groupId: string) {
    const kafka = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING })
    const held = () => Object.values(this.assigned)[0] ?? []
    this.consumer = kafka.consumer({
      groupId,
      heartbeatInterval: 500,
      maxWaitTimeInMs: 100,
      partitionAssigners: [coPartitionedAssigner(held)],
    })
    this.consumer.on(this.consumer.events.GROUP_JOIN, ({ payload }) => {
      this.assigned = payload.memberAssignment
    })
    this.consumer.on(this.consumer.events.CRASH, ({ payload }) => {
      this.crash = payload.error
    })
  }

  async start(...topics: string[]): Promise<void> {
    await this.consumer.connect()
    await this.consumer.subscribe({ topics, fromBeginning: true })
    await this.consumer.run({ eachBatch: async () => {} })
  }
}

describe('the assigner in consumers of kafkajs', () => {
  const members: Member[] = []
  const member = (group: string) => {
    const made = new Member(group)
    members.push(made)
    return made
  }
  afterEach(async () => {
    await Promise.all(members.splice(0).map(({ consumer }) => consumer.disconnect()))
  })

  it('keeps partition p of all topics together, and with the member that has it, when others join', async () => {
    const name = unique()
    const topics = [name('activation'), name('information')] as const
    await createTopics({ brokers }, ...topics.map((topic) => ({ topic, partitions: 4 })))
    const [first, second] = [member(name('group')), member(name('group'))]
    await first.start(...topics)
    await expect.poll(() => first.assigned[topics[0]], LIMIT).toEqual([0, 1, 2, 3])
    await second.start(...topics)
    await expect
      .poll(() => [first, second].map(({ assigned }) => assigned[topics[0]]), LIMIT)
      .toEqual([
        [0, 1],
        [2, 3],
      ])
    for (const { assigned } of [first, second]) expect(assigned[topics[1]]).toEqual(assigned[topics[0]])
  })

  it('stops a consumer whose topics cannot be joined, and reports the reason', async () => {
    const name = unique()
    const topics = [name('activation'), name('information')] as const
    await createTopics({ brokers }, { topic: topics[0], partitions: 4 }, { topic: topics[1], partitions: 3 })
    const only = member(name('group'))
    await only.start(...topics)
    await expect.poll(() => only.crash, LIMIT).toMatchObject({ code: 'PIPELINE_INVALID' })
    expect(only.assigned).toEqual({})
  })
})
