import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type ServerProbes, usableStores } from '../../../src/crash/worker/usable-stores.js'

const machine = (has: { jars?: boolean; redis?: boolean }): ServerProbes => ({
  kafka: {
    given: undefined,
    docker: async () => false,
    java: async () => 17,
    jars: () => has.jars ?? false,
    maven: async () => false,
  },
  redis: { given: undefined, program: undefined, docker: async () => false, local: async () => has.redis ?? false },
})

describe('where workers of the crash tests keep their stores', () => {
  let said = ''

  beforeEach(() => {
    said = ''
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      said += text
      return true
    })
    vi.stubEnv('CI', '')
  })

  afterEach(() => {
    vi.restoreAllMocks()
    vi.unstubAllEnvs()
  })

  it('everywhere, with Kafka and Redis, and nothing is announced', async () => {
    expect(await usableStores(machine({ jars: true, redis: true }))).toEqual(['in memory', 'on disk', 'in Redis'])
    expect(said).toBe('')
  })

  it('not in Redis, if there is none, which is announced', async () => {
    expect(await usableStores(machine({ jars: true }))).toEqual(['in memory', 'on disk'])
    expect(said).toMatch(/!{80}\nNO REDIS, SO NO CRASH TESTS WITH STORES IN IT: .*install Redis.*\n!{80}\n/)
  })

  it('nowhere, if no Kafka can be started, which is announced', async () => {
    expect(await usableStores(machine({ redis: true }))).toBeUndefined()
    expect(said).toMatch(/!{80}\nNO KAFKA, SO NO CRASH TESTS: .*start Docker.*\n!{80}\n/)
  })

  it('in CI a missing server is a failure', async () => {
    vi.stubEnv('CI', 'true')
    await expect(usableStores(machine({ jars: true }))).rejects.toThrow('NO REDIS')
    await expect(usableStores(machine({ redis: true }))).rejects.toThrow('NO KAFKA')
    expect(await usableStores(machine({ jars: true, redis: true }))).toHaveLength(3)
  })
})
