import { describe, expect, it } from 'vitest'
import { requireFunctions, requireLists } from '../../src/kafkajs/require-functions.js'

const unsupported = (text: string) =>
  expect.objectContaining({
    code: 'CLIENT_UNSUPPORTED',
    message: expect.stringContaining(`${text}: install kafkajs 2.2.4 exactly`),
  })

describe('an object of kafkajs', () => {
  it('has the methods that Joinery calls on it', () => {
    expect(() =>
      requireFunctions('connection', { connect() {}, authenticate() {} }, ['connect', 'authenticate']),
    ).not.toThrow()
  })

  it.each([{ connect() {} }, { connect() {}, authenticate: 1 }])(
    'without a method is rejected with its name',
    (object) => {
      expect(() => requireFunctions('connection', object, ['connect', 'authenticate'])).toThrow(
        unsupported('connection has no authenticate'),
      )
    },
  )

  it('that is missing is rejected with all names', () => {
    expect(() => requireFunctions('connection', undefined, ['connect', 'authenticate'])).toThrow(
      unsupported('connection has no connect, authenticate'),
    )
  })

  it('without a list is rejected with its name', () => {
    expect(() => requireLists('connection pool', { pool: [] }, ['pool'])).not.toThrow()
    expect(() => requireLists('connection pool', { pool: {} }, ['pool'])).toThrow(
      unsupported('connection pool has no pool'),
    )
  })
})
