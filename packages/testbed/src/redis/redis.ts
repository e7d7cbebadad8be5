import { chooseRedis } from './choose-redis.js'
import { startDockerRedis } from './docker-redis.js'
import { startLocalRedis } from './local-redis.js'
import type { Redis, RedisOptions } from './redis-options.js'
import { redisProbes } from './redis-probes.js'

/** The server of `REDIS_URL`, or else a new one from Docker, or from `redis-server`. It does not outlive this process. */
export async function startRedis(options: RedisOptions = {}): Promise<Redis> {
  const choice = await chooseRedis(redisProbes, options.own)
  if (choice.from === 'nowhere') throw new Error(`Redis cannot be started: ${choice.missing}`)
  if (choice.from === 'docker') return startDockerRedis(options)
  if (choice.from === 'local') return startLocalRedis(options)
  const notOurs = async () => {
    throw new Error('this server was not started by the test: start one with the option own')
  }
  const { hostname, port } = new URL(choice.url)
  return {
    url: choice.url,
    peer: { host: hostname, port: Number(port) },
    kill: notOurs,
    restart: notOurs,
    pause: notOurs,
    resume: notOurs,
    stop: async () => {},
  }
}
