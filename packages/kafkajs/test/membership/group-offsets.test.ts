import type { OffsetAndMetadata } from '@joinery/core/log'
import { describe, expect, it } from 'vitest'
import type { KafkaCluster } from '../../src/connection/kafka-cluster.js'
import { GroupOffsets } from '../../src/membership/group-offsets.js'
import type { KafkaGroup } from '../../src/membership/kafka-group.js'
import type { OwnedPartition } from '../../src/membership/owned-partitions.js'
import type { Api, RequestOf, ResponseOf } from '../../src/protocol/api.js'
import { OFFSET_COMMIT } from '../../src/protocol/offset-commit.js'
import { OFFSET_FETCH } from '../../src/protocol/offset-fetch.js'
import { carry, type Handler, on } from '../support/carry.js'
import { type Release, versionsOf } from '../support/releases.js'
import { PassingClock } from '../writer/passing-clock.js'

const TASK = { application: 'service', task: 3 }
const NOT_COORDINATOR = 16
type Offsets = Record<string, OffsetAndMetadata>

/** A coordinator that keeps the offsets of one partition, and responds with `codes` first. */
class Coordinator {
  stored: Offsets = {}
  readonly codes: number[] = []
  readonly asked: string[] = []
  coordinators = 0
  /** The brokers that requests were sent to. */
  readonly nodes: number[] = []
  readonly release: Release
  #call = ''

  readonly cluster = {
    clock: new PassingClock(),
    coordinatorOf: async () => ++this.coordinators,
    request: async <A extends Api>(
      node: number,
      channel: string,
      api: A,
      sent: RequestOf<A>,
    ): Promise<ResponseOf<A>> => {
      this.nodes.push(node)
      const { request, respond } = carry(versionsOf(this.release), api, sent)
      this.#call = `${channel} ${api.name}`
      return respond((this.#handlers.get(api.key) as Handler<A>)(request))
    },
  } as unknown as KafkaCluster

  constructor(release: Release = '4.3') {
    this.release = release
  }

  /** Releases after 3.0 ask for several groups. */
  readonly #fetch: Handler<typeof OFFSET_FETCH> = (request) => {
    const { groupId, topics } = request.groups[0] ?? request
    this.asked.push(`${this.#call} ${groupId}`)
    const errorCode = this.codes.shift() ?? 0
    for (const { partitionIndexes } of topics ?? []) expect(partitionIndexes).toEqual([TASK.task])
    const wanted = topics?.map(({ name }) => name) ?? Object.keys(this.stored)
    const found = wanted.map((name) => {
      const { offset = -1, metadata = '' } = this.stored[name] ?? {}
      return {
        name,
        partitions: [
          { partitionIndex: TASK.task + 1, committedOffset: 99, metadata: 'of another partition', errorCode: 0 },
          { partitionIndex: TASK.task, committedOffset: offset, metadata, errorCode: 0 },
        ],
      }
    })
    return { topics: found, errorCode, groups: [{ groupId, topics: found, errorCode }] }
  }

  readonly #commit: Handler<typeof OFFSET_COMMIT> = ({ groupId, generationIdOrMemberEpoch, memberId, topics }) => {
    const errorCode = this.codes.shift() ?? 0
    this.asked.push(`${this.#call} ${groupId}`)
    this.asked.push(`generation ${generationIdOrMemberEpoch} member ${JSON.stringify(memberId)}`)
    const saved = topics.map(({ name, partitions }) => {
      expect(partitions).toMatchObject([{ partitionIndex: TASK.task }])
      const { committedOffset = -1, committedMetadata } = partitions[0] ?? {}
      return [name, { offset: committedOffset, metadata: committedMetadata ?? '' }] as const
    })
    if (errorCode === 0) this.stored = Object.fromEntries(saved)
    return { topics: saved.map(([name]) => ({ name, partitions: [{ partitionIndex: TASK.task, errorCode }] })) }
  }

  readonly #handlers: ReadonlyMap<number, Handler<Api>> = new Map([
    on(OFFSET_FETCH, this.#fetch),
    on(OFFSET_COMMIT, this.#commit),
  ])
}

/** A group with one member of this client, which owns this partition; or with none. */
const groupOf = (owned: OwnedPartition | undefined, isMember = true): KafkaGroup =>
  ({
    membershipsOf: () =>
      isMember
        ? [{ topics: ['events', 'rows'], owned: (task: number) => (task === TASK.task ? owned : undefined) }]
        : [],
  }) as unknown as KafkaGroup

const offsets = (offset: number) => new Map([['events', { offset, metadata: `at ${offset}` }]])

describe('positions as offsets of a group', () => {
  it.each(['2.8', '3.9', '4.3'] as const)(
    'are fetched as they were saved, in the generation that assigned the task (Kafka %s)',
    async (release) => {
      const kafka = new Coordinator(release)
      const owned: OwnedPartition = { generation: { memberId: 'm-1', generationId: 7 } }
      const first = await new GroupOffsets(kafka.cluster, groupOf(owned)).open(TASK)
      expect(first.saved).toEqual(new Map())
      expect(await first.save(offsets(12))).toBe('saved')
      owned.generation = { memberId: 'm-1', generationId: 8 } // it stayed across a rebalance
      expect(await first.save(offsets(13))).toBe('saved')
      expect(kafka.asked).toEqual([
        'group OffsetFetch service',
        'group OffsetCommit service',
        'generation 7 member "m-1"',
        'group OffsetCommit service',
        'generation 8 member "m-1"',
      ])
      expect((await new GroupOffsets(kafka.cluster, groupOf(owned)).open(TASK)).saved).toEqual(offsets(13))
    },
  )

  it('are not saved for a task that was lost, without a request', async () => {
    const kafka = new Coordinator()
    const owned: OwnedPartition = { generation: { memberId: 'm-1', generationId: 7 } }
    const task = await new GroupOffsets(kafka.cluster, groupOf(owned)).open(TASK)
    owned.generation = undefined
    const asked = kafka.asked.length
    expect(await task.save(offsets(1))).toBe('fenced')
    expect(kafka.asked.length).toBe(asked)
  })

  it('are saved by the latest owner in this process alone', async () => {
    const kafka = new Coordinator()
    const group = new GroupOffsets(kafka.cluster, groupOf({ generation: { memberId: 'm', generationId: 1 } }))
    const first = await group.open(TASK)
    const second = await group.open(TASK)
    expect(await first.save(offsets(1))).toBe('fenced')
    expect(await second.save(offsets(2))).toBe('saved')
  })

  it.each([
    ['ILLEGAL_GENERATION', 22],
    ['UNKNOWN_MEMBER_ID', 25],
  ])('are fenced by the group: %s', async (_, code) => {
    const kafka = new Coordinator()
    const task = await new GroupOffsets(
      kafka.cluster,
      groupOf({ generation: { memberId: 'm', generationId: 1 } }),
    ).open(TASK)
    kafka.codes.push(code)
    expect(await task.save(offsets(1))).toBe('fenced')
    expect(kafka.stored).toEqual({})
  })

  it('are fetched and saved at the new coordinator after it has moved', async () => {
    const kafka = new Coordinator()
    kafka.codes.push(NOT_COORDINATOR)
    const task = await new GroupOffsets(
      kafka.cluster,
      groupOf({ generation: { memberId: 'm', generationId: 1 } }),
    ).open(TASK)
    kafka.codes.push(NOT_COORDINATOR)
    expect(await task.save(offsets(1))).toBe('saved')
    expect(kafka.nodes).toEqual([1, 2, 2, 3])
  })

  it.each([
    ['no right to use the group', 30, { code: 'NOT_AUTHORIZED', retriable: false }],
    ['metadata that brokers do not accept', 12, { code: 'RECORD_TOO_LARGE', retriable: false }],
    ['a rebalance under way', 27, { name: 'ProtocolError', code: 27 }],
  ])('report the error: %s', async (_, code, error) => {
    const kafka = new Coordinator()
    const task = await new GroupOffsets(
      kafka.cluster,
      groupOf({ generation: { memberId: 'm', generationId: 1 } }),
    ).open(TASK)
    kafka.codes.push(code)
    await expect(task.save(offsets(1))).rejects.toThrow(expect.objectContaining(error))
  })

  it('of a task that the group has not assigned to this member cannot be opened now', async () => {
    const kafka = new Coordinator()
    await expect(new GroupOffsets(kafka.cluster, groupOf(undefined)).open(TASK)).rejects.toThrow(
      expect.objectContaining({ code: 'TASK_LOST', retriable: true }),
    )
  })

  it('of a group without members can be set from outside, whatever topics it has', async () => {
    const kafka = new Coordinator()
    kafka.stored = { 'any topic': { offset: 4, metadata: '' } }
    const task = await new GroupOffsets(kafka.cluster, groupOf(undefined, false)).open(TASK)
    expect(task.saved).toEqual(new Map([['any topic', { offset: 4, metadata: '' }]]))
    expect(await task.save(offsets(1))).toBe('saved')
    expect(kafka.asked.at(-1)).toBe('generation -1 member ""')
  })
})
