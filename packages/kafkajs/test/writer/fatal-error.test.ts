import { JoineryError } from '@joinery/core'
import { describe, expect, it } from 'vitest'
import { ProtocolError } from '../../src/protocol/protocol-error.js'
import { fatalError, topicMissing } from '../../src/writer/fatal-error.js'

const REFUSED = 'this user is not allowed to write to'

describe('a fatal error', () => {
  it('is an error that is not retriable, as it is', () => {
    const error = new JoineryError('LOG_CLOSED', 'the log was closed')
    expect(fatalError(error)).toBe(error)
  })

  it.each([
    ['a retriable error', new JoineryError('LOG_FAILED', 'no broker', { retriable: true })],
    ['an error of unknown origin', new Error('socket hang up')],
    ['no error at all', undefined],
    ['a leader that has moved', new ProtocolError(6, 'Produce')],
  ])('is not %s', (_, cause) => {
    expect(fatalError(cause)).toBeUndefined()
  })

  it('is a missing ACL, of a topic or of the log', () => {
    const ofTopic = fatalError(new ProtocolError(29, 'Produce', 'out'))
    expect(ofTopic).toMatchObject({ code: 'NOT_AUTHORIZED', retriable: false, topic: 'out' })
    expect(ofTopic?.message).toContain(`${REFUSED} topic out (TOPIC_AUTHORIZATION_FAILED): add the ACL`)
    const ofLog = fatalError(new ProtocolError(31, 'InitProducerId'))
    expect(ofLog).toMatchObject({ code: 'NOT_AUTHORIZED', retriable: false, topic: undefined })
    expect(ofLog?.message).toContain(`${REFUSED} the log (InitProducerId failed with CLUSTER_AUTHORIZATION_FAILED)`)
  })

  it.each([10, 18])('is a limit that was lowered: code %i', (code) => {
    const cause = new ProtocolError(code, 'Produce to out[0]', 'out')
    const error = fatalError(cause)
    expect(error).toMatchObject({ code: 'RECORD_TOO_LARGE', retriable: false, topic: 'out', cause })
    expect(error?.message).toContain(
      `a broker rejected a batch although it is not larger than its topic allows (${cause.message}): was max.message.bytes lowered?`,
    )
  })

  it('is a transaction timeout that brokers do not allow', () => {
    const cause = new ProtocolError(50, 'InitProducerId')
    const error = fatalError(cause)
    expect(error).toMatchObject({ code: 'LOG_FAILED', retriable: false, cause })
    expect(error).not.toHaveProperty('topic', expect.anything())
    expect(error?.message).toContain(
      `do not allow the transaction timeout that Joinery needs (${cause.message}): raise transaction.max.timeout.ms`,
    )
  })

  it('is a changelog that was deleted, which only Joinery creates', () => {
    const cause = topicMissing('app-changelog', new ProtocolError(3, 'Produce', 'app-changelog'))
    expect(fatalError(cause, 'other-changelog')).toBe(cause)
    const error = fatalError(cause, 'app-changelog')
    expect(error).toMatchObject({ code: 'TOPIC_MISSING', retriable: false, topic: 'app-changelog', cause })
    expect(error?.message).toContain('the state in it is lost: start the application again')
    expect(error?.message).not.toContain('create it')
  })

  it('is a topic that stays unknown', () => {
    const cause = new ProtocolError(3, 'Produce', 'out')
    expect(topicMissing('out', cause)).toMatchObject({
      code: 'TOPIC_MISSING',
      retriable: false,
      topic: 'out',
      cause,
      message: expect.stringContaining('topic out no longer exists: create it'),
    })
  })
})
