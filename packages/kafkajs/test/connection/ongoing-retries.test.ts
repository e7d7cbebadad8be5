import { JoineryError } from '@joinery/core'
import { describe, expect, it } from 'vitest'
import { OngoingRetries } from '../../src/connection/ongoing-retries.js'

const down = new JoineryError('LOG_FAILED', 'broker b:1 is down', { retriable: true })

function retries() {
  const reported: JoineryError[] = []
  return { reported, retries: new OngoingRetries((error) => reported.push(error)) }
}

describe('ongoing retries', () => {
  it('are reported each time, and listed until they end', () => {
    const { reported, retries: ongoing } = retries()
    ongoing.report('connect', down)
    ongoing.report('connect', down)
    expect(reported).toEqual([down, down])
    expect(ongoing.problems).toEqual(['retrying after LOG_FAILED: broker b:1 is down'])
    ongoing.end('connect')
    expect(ongoing.problems).toEqual([])
  })

  it('are listed once if several operations fail for one reason', () => {
    const { retries: ongoing } = retries()
    ongoing.report('connect', down)
    ongoing.report('join', down)
    expect(ongoing.problems).toHaveLength(1)
    ongoing.end('connect')
    expect(ongoing.problems).toHaveLength(1)
  })

  it('have an error of Joinery, whatever has failed', () => {
    const { reported, retries: ongoing } = retries()
    const cause = new Error('socket hang up')
    ongoing.report('fetch', cause)
    expect(reported).toEqual([expect.objectContaining({ code: 'LOG_FAILED', retriable: true, cause })])
    expect(ongoing.problems).toEqual([expect.stringContaining('socket hang up')])
  })

  it('do not include final errors', () => {
    const { reported, retries: ongoing } = retries()
    ongoing.report('fetch', new JoineryError('NOT_AUTHORIZED', 'no'))
    expect([reported, ongoing.problems]).toEqual([[], []])
  })

  it('are over when the log is closed', () => {
    const { reported, retries: ongoing } = retries()
    ongoing.report('connect', down)
    ongoing.close()
    ongoing.report('connect', down)
    expect([reported, ongoing.problems]).toEqual([[down], []])
  })
})
