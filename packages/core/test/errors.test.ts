import { describe, expect, it, vi } from 'vitest'
import { isJoineryError, JoineryError } from '../src/index.js'

describe('JoineryError', () => {
  it('has a message that begins with the code, and has the details of the context', () => {
    const cause = new Error('the cause')
    const error = new JoineryError('LOG_FAILED', 'do this', {
      cause,
      retriable: true,
      problems: ['a', 'b'],
      topic: 't',
      partition: 0,
      offset: 7,
    })
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({
      name: 'JoineryError',
      code: 'LOG_FAILED',
      message: 'LOG_FAILED: do this',
      cause,
      retriable: true,
      problems: ['a', 'b'],
      topic: 't',
      partition: 0,
      offset: 7,
    })
  })

  it('is not retriable and has no cause by default', () => {
    const error = new JoineryError('APP_CLOSED', 'x')
    expect(error.retriable).toBe(false)
    expect('cause' in error).toBe(false)
    expect([error.problems, error.topic, error.partition, error.offset]).toEqual(Array(4).fill(undefined))
  })

  it('copies only topic, partition and offset from a record', () => {
    const record = { topic: 't', partition: 1, offset: 2, value: Buffer.from('secret') }
    expect(JSON.stringify(new JoineryError('RECORD_TOO_LARGE', 'x', record))).not.toContain('secret')
    expect(new JoineryError('RECORD_TOO_LARGE', 'x', record)).not.toHaveProperty('value')
  })
})

describe('isJoineryError', () => {
  const error = new JoineryError('STORE_BEHIND', 'x')

  it('accepts errors of the given code', () => {
    expect(isJoineryError(error)).toBe(true)
    expect(isJoineryError(error, 'STORE_BEHIND')).toBe(true)
    expect(isJoineryError(error, 'STORE_FENCED')).toBe(false)
  })

  it.each([[null], [undefined], ['STORE_BEHIND'], [1], [{}], [{ code: 'STORE_BEHIND', name: 'JoineryError' }]])(
    'rejects %j',
    (other) => {
      expect(isJoineryError(other)).toBe(false)
      expect(isJoineryError(other, 'STORE_BEHIND')).toBe(false)
    },
  )

  it('rejects another error with the same code', () => {
    expect(isJoineryError(Object.assign(new Error('x'), { code: 'STORE_BEHIND' }), 'STORE_BEHIND')).toBe(false)
  })

  it('accepts errors of another copy of the package, in both directions', async () => {
    vi.resetModules()
    const other = await import('../src/errors.js')
    expect(other.JoineryError).not.toBe(JoineryError)
    const theirs = new other.JoineryError('STORE_BEHIND', 'x')
    expect(theirs).not.toBeInstanceOf(JoineryError)
    expect(isJoineryError(theirs, 'STORE_BEHIND')).toBe(true)
    expect(other.isJoineryError(error, 'STORE_BEHIND')).toBe(true)
  })
})
