import { ManualClock } from '@joinery/core/testing'
import { describe, expect, it, vi } from 'vitest'
import { OngoingRetries } from '../../src/connection/ongoing-retries.js'
import { KafkaGroup } from '../../src/membership/kafka-group.js'
import { FakeKafka, groupAnswers } from './fake-kafka.js'

const member = { assigned() {}, revoked: async () => {}, lost() {}, ownedTasks: () => [], failed() {} }

function grouping() {
  const kafka = new FakeKafka()
  const retries = new OngoingRetries(undefined)
  const group = new KafkaGroup({
    sessionTimeoutMs: 9_000,
    rebalanceTimeoutMs: 9_000,
    heartbeatIntervalMs: 500,
    publishIntervalMs: 1_000,
    clock: new ManualClock(),
    kafka: kafka.kafka,
    check: async () => {},
    retries,
  })
  return { kafka, retries, group }
}

describe('a group', () => {
  it('has the memberships of this client until they leave', async () => {
    const { kafka, group } = grouping()
    const membership = await group.join('group', ['input'], member)
    expect(group.membershipsOf('group').map(({ topics }) => topics)).toEqual([['input']])
    expect(group.membershipsOf('another')).toEqual([])
    await membership.leave()
    expect(group.membershipsOf('group')).toEqual([])
    expect(kafka.log.at(-1)).toBe('disconnect')
  })

  it('is not joined with a signal that has aborted', async () => {
    const { kafka, group } = grouping()
    const joining = group.join('group', ['input'], member, AbortSignal.abort(new Error('stop')))
    await expect(joining).rejects.toMatchObject({ code: 'APP_CLOSED', cause: { message: 'stop' } })
    expect(kafka.log).toEqual([])
  })

  it('is no longer joined once the signal aborts', async () => {
    const { kafka, retries, group } = grouping()
    const leaving = new AbortController()
    kafka.failures.push(groupAnswers('GROUP_COORDINATOR_NOT_AVAILABLE'))
    const joining = group.join('group', ['input'], member, leaving.signal)
    await vi.waitFor(() => expect(retries.problems).toHaveLength(1))
    leaving.abort()
    await expect(joining).rejects.toMatchObject({ code: 'APP_CLOSED' })
    expect(group.membershipsOf('group')).toEqual([])
    expect(retries.problems).toEqual([])
  })

  it('is left when the signal aborts later, and when the group is closed', async () => {
    const { kafka, group } = grouping()
    const leaving = new AbortController()
    await group.join('group', ['input'], member, leaving.signal)
    leaving.abort()
    await vi.waitFor(() => expect(kafka.log.at(-1)).toBe('disconnect'))
    await group.join('group', ['input'], member)
    kafka.log.length = 0
    await group.close()
    expect(kafka.log).toEqual(['disconnect'])
  })
})
