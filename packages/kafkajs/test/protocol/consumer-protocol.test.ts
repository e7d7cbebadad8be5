import kafkajs from 'kafkajs'
import { describe, expect, it } from 'vitest'
import {
  CONSUMER_PROTOCOL_ASSIGNMENT,
  CONSUMER_PROTOCOL_SUBSCRIPTION,
  decodeMessage,
  encodeMessage,
} from '../../src/protocol/consumer-protocol.js'

const { MemberAssignment, MemberMetadata } = kafkajs.AssignerProtocol
const userData = Buffer.from('[1,2]')

describe('what members of a group exchange', () => {
  it('is understood by members that use kafkajs: subscriptions', () => {
    const topics = ['a', 'b']
    const bytes = MemberMetadata.encode({ version: 0, topics, userData })
    expect(encodeMessage(CONSUMER_PROTOCOL_SUBSCRIPTION, 0, { topics, userData })).toEqual(bytes)
    expect(decodeMessage(CONSUMER_PROTOCOL_SUBSCRIPTION, bytes)).toMatchObject({ topics, userData })
  })

  it('is understood by members that use kafkajs: assignments', () => {
    const bytes = MemberAssignment.encode({ version: 0, assignment: { a: [0, 1], b: [1] }, userData })
    const assignedPartitions = [
      { topic: 'a', partitions: [0, 1] },
      { topic: 'b', partitions: [1] },
    ]
    expect(encodeMessage(CONSUMER_PROTOCOL_ASSIGNMENT, 0, { assignedPartitions, userData })).toEqual(bytes)
    expect(decodeMessage(CONSUMER_PROTOCOL_ASSIGNMENT, bytes)).toEqual({ assignedPartitions, userData })
  })
})
