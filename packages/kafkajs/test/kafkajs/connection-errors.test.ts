import { JoineryError } from '@joinery/core'
import kafkajs from 'kafkajs'
import { describe, expect, it } from 'vitest'
import { connectionError } from '../../src/kafkajs/connection-errors.js'

const WHAT = 'cannot connect to broker a:1'
/** An error with the fields of kafkajs' own. */
const error = (fields: object, message = 'a reason') => Object.assign(new Error(message), fields)

describe('a failure of kafkajs to connect', () => {
  it.each([
    [
      'SASL on a listener without it',
      error({ name: 'KafkaJSProtocolError', type: 'ILLEGAL_SASL_STATE' }),
      'OPTION_INVALID',
      false,
      /the option sasl is set: remove sasl, or use the port of a listener with SASL/,
    ],
    [
      'a mechanism that the broker does not know',
      error({ name: 'KafkaJSProtocolError', type: 'UNSUPPORTED_SASL_MECHANISM' }),
      'OPTION_INVALID',
      false,
      /set sasl\.mechanism to one of the broker's sasl\.enabled\.mechanisms/,
    ],
    [
      'a mechanism that the broker does not list',
      error({ name: 'KafkaJSSASLAuthenticationError' }, 'SASL PLAIN mechanism is not supported by the server'),
      'OPTION_INVALID',
      false,
      /set sasl\.mechanism/,
    ],
    [
      'wrong credentials',
      error({ name: 'KafkaJSProtocolError', type: 'SASL_AUTHENTICATION_FAILED' }),
      'NOT_AUTHORIZED',
      false,
      /rejected the credentials \(a reason\)/,
    ],
    [
      'credentials that cannot be used',
      error({ name: 'KafkaJSSASLAuthenticationError' }),
      'NOT_AUTHORIZED',
      false,
      /the authentication failed \(a reason\)/,
    ],
    [
      'another error of the broker during the authentication',
      error({ name: 'KafkaJSProtocolError', type: 'REQUEST_TIMED_OUT' }),
      'LOG_FAILED',
      true,
      /a reason/,
    ],
    [
      'a provider of OAuth tokens that returns none',
      error({ name: 'KafkaJSSASLAuthenticationError' }, 'SASL OAUTHBEARER: Invalid OAuth bearer token'),
      'LOG_FAILED',
      true,
      /Invalid OAuth bearer token/,
    ],
    [
      'a server that is too new',
      error({ name: 'KafkaJSNotImplemented' }),
      'CLIENT_UNSUPPORTED',
      false,
      /kafkajs does not/,
    ],
    ['a refused connection', error({ name: 'KafkaJSConnectionError' }), 'LOG_FAILED', true, /cannot connect.*a reason/],
    ['anything else', 'a text', 'LOG_FAILED', true, /a text/],
  ] as const)('because of %s', (_, cause, code, retriable, message) => {
    expect(connectionError(WHAT, cause)).toMatchObject({ code, retriable, message: expect.stringMatching(message) })
    expect(connectionError(WHAT, cause).message).toContain(WHAT)
  })

  it('has its reason at the end of the chain of causes, and names the broker', () => {
    const cause = new kafkajs.KafkaJSNumberOfRetriesExceeded(
      new kafkajs.KafkaJSConnectionError('refused', { broker: 'b:2' }),
      { retryCount: 1, retryTime: 1 },
    )
    expect(connectionError(WHAT, cause).message).toBe(`LOG_FAILED: ${WHAT}: refused, broker b:2`)
  })

  it('that has a code of ours already keeps it', () => {
    const ours = new JoineryError('OPTION_INVALID', 'no TLS')
    expect(connectionError(WHAT, ours)).toBe(ours)
    expect(connectionError(WHAT, error({ cause: ours }))).toBe(ours)
  })
})
