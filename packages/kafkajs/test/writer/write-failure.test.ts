import { JoineryError } from '@joinery/core'
import { describe, expect, it } from 'vitest'
import { ProtocolError } from '../../src/protocol/error-codes.js'
import { incurable, topicGone } from '../../src/writer/write-failure.js'

const REFUSED = 'the brokers do not allow this user to write to'

describe('what nothing cures', () => {
  it('is what is said to be so, as it was said', () => {
    const error = new JoineryError('LOG_CLOSED', 'the log was closed')
    expect(incurable(error)).toBe(error)
  })

  it.each([
    ['an error that may pass', new JoineryError('LOG_FAILED', 'no broker', { retriable: true })],
    ['an error of unknown origin', new Error('socket hang up')],
    ['no error at all', undefined],
    ['a leader that has moved', new ProtocolError(6, 'Produce')],
  ])('is not %s', (_, cause) => {
    expect(incurable(cause)).toBeUndefined()
  })

  it('is a missing right, of a topic or of the log', () => {
    const ofTopic = incurable(new ProtocolError(29, 'Produce', 'out'))
    expect(ofTopic).toMatchObject({ code: 'NOT_AUTHORIZED', retriable: false, topic: 'out' })
    expect(ofTopic?.message).toContain(`${REFUSED} topic out (TOPIC_AUTHORIZATION_FAILED): add the ACL`)
    const ofLog = incurable(new ProtocolError(31, 'InitProducerId'))
    expect(ofLog).toMatchObject({ code: 'NOT_AUTHORIZED', retriable: false, topic: undefined })
    expect(ofLog?.message).toContain(`${REFUSED} the log (InitProducerId answered CLUSTER_AUTHORIZATION_FAILED)`)
  })

  it.each([10, 18])('is a limit that was lowered: code %i', (code) => {
    const cause = new ProtocolError(code, 'Produce to out[0]', 'out')
    const error = incurable(cause)
    expect(error).toMatchObject({ code: 'RECORD_TOO_LARGE', retriable: false, topic: 'out', cause })
    expect(error?.message).toContain(
      `a topic refused a batch that is not larger than it may be (${cause.message}): was max.message.bytes lowered?`,
    )
  })

  it('is a time-out that brokers do not allow', () => {
    const cause = new ProtocolError(50, 'InitProducerId')
    const error = incurable(cause)
    expect(error).toMatchObject({ code: 'LOG_FAILED', retriable: false, cause })
    expect(error).not.toHaveProperty('topic', expect.anything())
    expect(error?.message).toContain(
      `do not allow transactions as long as Joinery's (${cause.message}): raise transaction.max.timeout.ms`,
    )
  })

  it('is a topic that stays unknown', () => {
    const cause = new ProtocolError(3, 'Produce', 'out')
    expect(topicGone('out', cause)).toMatchObject({
      code: 'TOPIC_MISSING',
      retriable: false,
      topic: 'out',
      cause,
      message: expect.stringContaining('topic out does not exist any more: create it'),
    })
  })
})
