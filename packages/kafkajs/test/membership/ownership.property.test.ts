import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sleep } from '../../src/connection/retry.js'
import { type ApiName, FakeBrokers } from './fake-brokers.js'
import type { Fault } from './fake-client.js'
import { HEARTBEAT_MS, REBALANCE_MS, SESSION_MS, TestMember } from './test-member.js'

const APIS: readonly ApiName[] = ['JoinGroup', 'SyncGroup', 'Heartbeat', 'LeaveGroup', 'OffsetCommit']
const PARTITIONS = 5
const MEMBERS = 3

const who = fc.integer({ min: 0, max: MEMBERS - 1 })
const action = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant('join' as const), who }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('leave' as const), who }) },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('lose' as const),
      who,
      api: fc.constantFrom(...APIS),
      faults: fc.array(fc.constantFrom<Fault>('request', 'response', 'stuck'), { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('deliver' as const), who }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('cut off' as const), who }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('heal' as const), who }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('slow' as const), who, ms: fc.integer({ min: 1, max: 4_000 }) }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('freeze' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('thaw' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('move' as const) }) },
)
/** What happens, and how long nothing else happens then. */
const step = fc.record({
  action,
  waitMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 1_000 }), fc.integer({ min: 1, max: 12_000 })),
})
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

/** Members of one group in one history, and who owns which task. */
class History {
  readonly brokers = new FakeBrokers()
  readonly violations: string[] = []
  readonly #members: (TestMember | undefined)[] = Array.from({ length: MEMBERS })
  readonly #releaseMs: readonly number[]
  #count = 0

  /** @param releaseMs how long the tasks of each member take to stop */
  constructor(releaseMs: readonly number[]) {
    this.brokers.partitions = PARTITIONS
    this.#releaseMs = releaseMs
  }

  get members(): readonly TestMember[] {
    return this.#members.filter((member) => member !== undefined)
  }

  async run({ action: step, waitMs }: Step): Promise<void> {
    const { brokers } = this
    const member = 'who' in step ? this.#members[step.who] : undefined
    if (step.type === 'join' && member === undefined) this.#join(step.who)
    if (step.type === 'leave' && member !== undefined) {
      this.#members[step.who] = undefined
      member.leave()
    }
    if (step.type === 'lose') member?.client.lose(step.api, ...step.faults)
    if (step.type === 'deliver') member?.client.deliver()
    if (step.type === 'cut off') member?.client.cutOff()
    if (step.type === 'heal') member?.client.heal()
    if (step.type === 'slow' && member !== undefined) member.client.latencyMs = () => step.ms
    if (step.type === 'freeze') brokers.freeze()
    if (step.type === 'thaw') brokers.thaw()
    if (step.type === 'move') brokers.move()
    await brokers.clock.yieldToEventLoop()
    await brokers.clock.advance(waitMs)
  }

  /** From now on nothing fails. */
  async settle(): Promise<void> {
    this.brokers.thaw()
    for (const { client } of this.members) client.heal()
    await this.brokers.clock.yieldToEventLoop()
    await this.brokers.clock.advance(6 * SESSION_MS + 2 * REBALANCE_MS)
  }

  async end(): Promise<void> {
    const left = Promise.all(this.members.map((member) => member.leave()))
    await this.brokers.clock.advance(5_000)
    await left
  }

  #join(index: number): void {
    const member = new TestMember(this.brokers, `${index}-${this.#count++}`)
    this.#members[index] = member
    member.client.requestTimeoutMs = 3 * SESSION_MS
    member.release = () => sleep(this.brokers.clock, this.#releaseMs[index] ?? 0)
    member.onAssigned = (tasks) => {
      for (const other of this.members) {
        const shared = other === member ? [] : other.running.filter((task) => tasks.includes(task))
        if (shared.length > 0)
          this.violations.push(
            `${this.brokers.clock.monotonic()} ms: ${shared} assigned to ${member.name}, owned by ${other.name}`,
          )
      }
    }
    member.membership.start().catch(() => {
      // it has not joined in time: another member may try
      if (this.#members[index] === member) this.#members[index] = undefined
      member.leave()
    })
  }
}

describe('the tasks of a group, in any history of members and lost messages,', () => {
  it('are never owned by two members, and owned by all members evenly once nothing fails', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 5, maxLength: 60, size: 'max' }),
        fc.tuple(
          ...Array.from({ length: MEMBERS }, () => fc.integer({ min: 0, max: SESSION_MS / 2 - 2 * HEARTBEAT_MS })),
        ),
        async (steps, releaseMs) => {
          const history = new History(releaseMs)
          try {
            for (const index of [0, 1]) await history.run({ action: { type: 'join', who: index }, waitMs: 5_000 })
            for (const each of steps) await history.run(each)
            await history.settle()
            expect(history.violations).toEqual([])
            const { members } = history
            if (members.length === 0) return
            const all = members.flatMap(({ running }) => running)
            expect(all.sort()).toEqual(Array.from({ length: PARTITIONS }, (_, task) => task))
            const share = Math.floor(PARTITIONS / members.length)
            for (const { running, membership, failure } of members) {
              expect([share, share + 1]).toContain(running.length)
              expect([await membership.verify(), failure]).toEqual(['member', undefined])
            }
          } finally {
            await history.end()
          }
        },
      ),
      { numRuns: Number(process.env.RUNS ?? 100) },
    )
  })
})
