import { describe, expect, it } from 'vitest'
import { chooseRedis, type RedisProbes } from '../../src/redis/choose-redis.js'

const machine = (has: { given?: string; program?: string; docker?: boolean; local?: boolean }): RedisProbes => ({
  given: has.given,
  program: has.program,
  docker: async () => has.docker ?? false,
  local: async () => has.local ?? false,
})

describe('where Redis comes from', () => {
  it('REDIS_URL takes precedence', async () => {
    const everything = machine({ given: ' redis://a:1 ', docker: true, local: true })
    expect(await chooseRedis(everything)).toEqual({ from: 'given', url: 'redis://a:1' })
  })

  it('an empty REDIS_URL is ignored, and Docker takes precedence over a local server', async () => {
    expect(await chooseRedis(machine({ given: ' ', docker: true, local: true }))).toEqual({ from: 'docker' })
    expect(await chooseRedis(machine({ local: true }))).toEqual({ from: 'local' })
  })

  it('a server that may be killed is never the given one', async () => {
    expect(await chooseRedis(machine({ given: 'redis://a:1', local: true }), true)).toEqual({ from: 'local' })
    expect(await chooseRedis(machine({ given: 'redis://a:1' }), true)).toMatchObject({ from: 'nowhere' })
  })

  it('a given program takes precedence over Docker, and nothing else is started in its place', async () => {
    expect(await chooseRedis(machine({ program: 'valkey', docker: true, local: true }))).toEqual({ from: 'local' })
    expect(await chooseRedis(machine({ program: ' ', docker: true, local: true }))).toEqual({ from: 'docker' })
    expect(await chooseRedis(machine({ given: 'redis://a:1', program: 'valkey', local: true }))).toMatchObject({
      from: 'given',
    })
    expect(await chooseRedis(machine({ program: 'valkey', docker: true }))).toEqual({
      from: 'nowhere',
      missing: 'REDIS_SERVER is valkey, which does not run',
    })
  })

  it('with nothing at all it explains what to install', async () => {
    const choice = await chooseRedis(machine({}))
    expect(choice.from).toBe('nowhere')
    for (const word of ['Docker', 'redis-server', 'REDIS_URL'])
      expect(choice).toHaveProperty('missing', expect.stringContaining(word))
  })
})
