import { isJoineryError } from '@joinery/core'
import kafkajs, { type Cluster, type Logger } from 'kafkajs'
import { describe, expect, it } from 'vitest'
import { coPartitionedAssigner } from '../../src/index.js'

const { MemberAssignment } = kafkajs.AssignerProtocol
const TOPICS = ['activations', 'products']
/** An assigner as kafkajs makes it for a consumer. */
const assigner = (counts: Readonly<Record<string, number>>, held?: () => readonly number[]) =>
  coPartitionedAssigner(held)({
    cluster: {
      findTopicPartitionMetadata: (topic: string) => Array.from({ length: counts[topic] ?? 0 }),
    } as unknown as Cluster,
    groupId: 'g',
    logger: {} as Logger,
  })
const assign = async (counts: Readonly<Record<string, number>>, held: Readonly<Record<string, readonly number[]>>) => {
  const members = Object.entries(held).map(([memberId, mine]) => ({
    memberId,
    memberMetadata: assigner(counts, () => mine).protocol({ topics: TOPICS }).metadata,
  }))
  const assigned = await assigner(counts).assign({ members, topics: TOPICS })
  return Object.fromEntries(
    assigned.map(({ memberId, memberAssignment }) => [memberId, MemberAssignment.decode(memberAssignment)?.assignment]),
  )
}

describe('the assigner for a consumer of the user', () => {
  it('gives partition p of all topics to one member', async () => {
    expect(await assign({ activations: 3, products: 3 }, { a: [], b: [] })).toEqual({
      a: { activations: [0, 2], products: [0, 2] },
      b: { activations: [1], products: [1] },
    })
  })

  it('leaves partitions with the member that holds their state', async () => {
    expect(await assign({ activations: 4, products: 4 }, { a: [2, 3], b: [1] })).toMatchObject({
      a: { products: [2, 3] },
      b: { products: [0, 1] },
    })
  })

  it('rejects topics with different numbers of partitions: some records would not be read', async () => {
    const refused: unknown = await assign({ activations: 4, products: 3 }, { a: [] }).catch((error: unknown) => error)
    expect(isJoineryError(refused, 'PIPELINE_INVALID') && refused.message).toMatch(/activations has 4, products has 3/)
  })

  it('names the required version of kafkajs', () => {
    expect(() => coPartitionedAssigner()({ cluster: {} as Cluster, groupId: 'g', logger: {} as Logger })).toThrow(
      expect.objectContaining({ code: 'CLIENT_UNSUPPORTED' }),
    )
  })
})
