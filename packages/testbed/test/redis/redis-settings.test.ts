import { describe, expect, it } from 'vitest'
import { dockerRedisRun } from '../../src/redis/docker-redis.js'
import { redisReadinessProbe, redisSettings } from '../../src/redis/redis-settings.js'

const place = { port: 16_379, bind: '127.0.0.1', data: '/data' }
const setting = (args: readonly string[], name: string) => args[args.indexOf(`--${name}`) + 1]

describe('a Redis for tests', () => {
  it('persists nothing by default', () => {
    const args = redisSettings(place, { settings: { appendonly: 'yes', 'rename-command': ['HMGET', 'X'] } })
    expect([setting(args, 'port'), setting(args, 'save'), setting(args, 'appendonly')]).toEqual(['16379', '', 'yes'])
    expect(args.join(' ')).toContain('--rename-command HMGET X')
  })

  it('with TLS has no other listener', () => {
    const args = redisSettings(place, { tls: true })
    expect([setting(args, 'port'), setting(args, 'tls-port')]).toEqual(['0', '16379'])
  })

  it('in a container is published on this machine only, and sees the files that its settings refer to', () => {
    const args = dockerRedisRun('redis-1', 16_379, { files: '/tmp/certificates' })
    expect(args).toEqual(expect.arrayContaining(['--publish', '127.0.0.1:16379:16379', '--name', 'redis-1']))
    expect(args).toEqual(expect.arrayContaining(['--volume', '/tmp/certificates:/tmp/certificates:ro']))
    expect(setting(args, 'bind')).toBe('0.0.0.0')
  })

  it('is ready when it responds, unless it is loading', () => {
    const { isReady } = redisReadinessProbe(1, {})
    expect(
      ['+PONG\r\n', '-NOAUTH Authentication required.\r\n', '-LOADING data\r\n'].map((text) =>
        isReady(Buffer.from(text)),
      ),
    ).toEqual([true, true, false])
  })
})
