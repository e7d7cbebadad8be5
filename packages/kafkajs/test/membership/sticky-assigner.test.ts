import kafkajs from 'kafkajs'
import { describe, expect, it } from 'vitest'
import { stickyAssigner } from '../../src/membership/sticky-assigner.js'

const {
  AssignerProtocol: { MemberMetadata, MemberAssignment },
} = kafkajs
const TOPICS = ['activations', 'products']
const assigner = (counts: Record<string, number> = { activations: 6, products: 6 }, held: readonly number[] = []) =>
  stickyAssigner(
    (topic) => counts[topic] ?? 0,
    () => held,
  )

/** A member as the group's leader sees it: with the metadata of its assigner, or any other bytes. */
const member = (memberId: string, told: readonly number[] | Buffer) => ({
  memberId,
  memberMetadata: Buffer.isBuffer(told) ? told : assigner({}, told).protocol({ topics: TOPICS }).metadata,
})
const assign = async (
  members: ReturnType<typeof member>[],
  counts?: Record<string, number>,
): Promise<Record<string, Record<string, number[]>>> => {
  const assigned = await assigner(counts).assign({ members, topics: TOPICS })
  return Object.fromEntries(
    assigned.map(({ memberId, memberAssignment }) => [
      memberId,
      MemberAssignment.decode(memberAssignment)?.assignment ?? {},
    ]),
  )
}
const both = (tasks: number[]) => ({ activations: tasks, products: tasks })

describe('the metadata that a member sends to its group', () => {
  it('is its topics and the tasks that it holds now, as bytes of Kafka’s consumer protocol', () => {
    const { name, metadata } = assigner({}, [4, 1]).protocol({ topics: ['a'] })
    expect(name).toBe('joinery-sticky')
    // version, topics, user data
    expect(metadata.toString('hex')).toBe(
      `0000${'00000001'}${'000161'}${'00000005'}${Buffer.from('[4,1]').toString('hex')}`,
    )
    expect(MemberMetadata.decode(metadata)).toMatchObject({ version: 0, topics: ['a'] })
  })

  it('is computed again for each join', () => {
    const held = [1]
    const sticky = stickyAssigner(
      () => 2,
      () => held,
    )
    const before = sticky.protocol({ topics: TOPICS }).metadata
    held.push(2)
    expect(sticky.protocol({ topics: TOPICS }).metadata.equals(before)).toBe(false)
  })
})

describe('an assignment', () => {
  it('gives partition p of all topics to one member, and each partition to exactly one', async () => {
    const assigned = await assign([member('m1', []), member('m2', []), member('m3', [])])
    for (const { activations, products } of Object.values(assigned)) expect(activations).toEqual(products)
    const all = Object.values(assigned).flatMap(({ activations }) => activations ?? [])
    expect(all.sort()).toEqual([0, 1, 2, 3, 4, 5])
    expect(Object.values(assigned).map(({ activations }) => activations?.length)).toEqual([2, 2, 2])
  })

  it('leaves tasks where they are, as far as balance allows', async () => {
    expect(await assign([member('m1', [1, 3, 5]), member('m2', [0, 2, 4])])).toEqual({
      m1: both([1, 3, 5]),
      m2: both([0, 2, 4]),
    })
    const third = await assign([member('m1', [1, 3, 5]), member('m2', [0, 2, 4]), member('m3', [])])
    expect(third).toEqual({ m1: both([1, 3]), m2: both([0, 2]), m3: both([4, 5]) })
  })

  it('reassigns the tasks of a member that has left', async () => {
    expect(await assign([member('m1', [1, 3, 5])])).toEqual({ m1: both([0, 1, 2, 3, 4, 5]) })
  })

  it('leaves members without a task when there are more of them than tasks', async () => {
    const assigned = await assign([member('m1', [0]), member('m2', [])], { activations: 1, products: 1 })
    expect(assigned).toEqual({ m1: both([0]), m2: both([]) })
  })

  it('accepts only one member if two claim to hold a task', async () => {
    const assigned = await assign([member('m1', [0, 1, 2]), member('m2', [0, 1, 2])])
    expect(assigned).toEqual({ m1: both([0, 1, 2]), m2: both([3, 4, 5]) })
  })

  it('ends at the smallest topic, whatever the counts: unequal ones are rejected elsewhere', async () => {
    expect(await assign([member('m1', [])], { activations: 6, products: 2 })).toEqual({ m1: both([0, 1]) })
  })

  it.each([
    ['of no bytes', Buffer.alloc(0)],
    ['that ends early', assigner({}, [1]).protocol({ topics: TOPICS }).metadata.subarray(0, 9)],
    ['with a huge count of topics', Buffer.from('00007fffffff', 'hex')],
    ['with a negative count of topics', Buffer.from('0000fffffff0', 'hex')],
    ['without user data', Buffer.from('000000000000ffffffff', 'hex')],
    [
      'of another assigner',
      MemberMetadata.encode({ version: 0, topics: TOPICS, userData: Buffer.from('{"own":[1]}') }),
    ],
    ['that is not JSON', MemberMetadata.encode({ version: 0, topics: TOPICS, userData: Buffer.from('[1') })],
    [
      'with impossible tasks',
      MemberMetadata.encode({ version: 0, topics: TOPICS, userData: Buffer.from('[-1,99,1.5,"2",null,1e99]') }),
    ],
  ])('never throws for metadata %s: the group would hang', async (_, metadata) => {
    expect(await assign([member('m1', metadata), member('m2', [0, 1, 2])])).toEqual({
      m1: both([3, 4, 5]),
      m2: both([0, 1, 2]),
    })
  })

  it('never throws without topics', async () => {
    expect(await assigner().assign({ members: [member('m1', [])], topics: [] })).toHaveLength(1)
  })
})
