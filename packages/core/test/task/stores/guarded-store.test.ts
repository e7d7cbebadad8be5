import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { JoineryError } from '../../../src/errors.js'
import { GuardedStore } from '../../../src/task/stores/guarded-store.js'

const attempt = new GuardedStore('rows', 3)
/** As functions of Node answer where tests have a realm of their own. */
const OtherPromise = runInNewContext('Promise') as PromiseConstructor

describe('a call of a store', () => {
  it('answers at once where the store does', () => {
    expect(attempt.run('be read', () => [1])).toEqual([1])
    expect(attempt.run('commit', () => undefined)).toBeUndefined()
  })

  it('answers later where the store does, whatever kind of promise it has', async () => {
    for (const Kind of [Promise, OtherPromise]) {
      const answer = attempt.run('be read', () => Kind.resolve(7))
      expect(answer).toBeInstanceOf(Promise)
      expect(await answer).toBe(7)
    }
  })

  it('fails with STORE_FAILED for whatever is thrown or rejected, and says what the store could not do', async () => {
    const cause = new Error('no disk')
    const failed = expect.objectContaining({
      code: 'STORE_FAILED',
      retriable: true,
      partition: 3,
      message: expect.stringContaining('store rows[3] could not commit: Error: no disk'),
      cause,
    })
    expect(() =>
      attempt.run('commit', () => {
        throw cause
      }),
    ).toThrow(failed)
    for (const Kind of [Promise, OtherPromise])
      await expect(attempt.run('commit', () => Kind.reject(cause))).rejects.toEqual(failed)
  })

  it('fails as the store says where it says so', async () => {
    const fenced = new JoineryError('STORE_FENCED', 'a later owner')
    for (const Kind of [Promise, OtherPromise])
      await expect(attempt.run('commit', () => Kind.reject(fenced))).rejects.toBe(fenced)
  })
})
