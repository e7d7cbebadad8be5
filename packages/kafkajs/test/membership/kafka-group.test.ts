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

  it('is no longer joined once it is closed', async () => {
    const { kafka, retries, group } = grouping()
    kafka.failures.push(groupAnswers('GROUP_COORDINATOR_NOT_AVAILABLE'))
    const joining = group.join('group', ['input'], member)
    await vi.waitFor(() => expect(retries.problems).toHaveLength(1))
    await group.close()
    await expect(joining).rejects.toMatchObject({ code: 'LOG_CLOSED' })
    expect(group.membershipsOf('group')).toEqual([])
    expect(retries.problems).toEqual([])
  })

  it('is left when it is closed', async () => {
    const { kafka, group } = grouping()
    await group.join('group', ['input'], member)
    kafka.log.length = 0
    await group.close()
    expect(kafka.log).toEqual(['disconnect'])
  })
})
