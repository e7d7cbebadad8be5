import { randomUUID } from 'node:crypto'
import { DockerServer } from '../servers/docker-server.js'
import { freePort } from '../servers/free-port.js'
import type { Redis, RedisOptions } from './redis-options.js'
import { redisReadinessProbe, redisSettings, redisUrl } from './redis-settings.js'

export const REDIS_IMAGE = 'redis:8.2'

/** @returns the arguments of `docker run` */
export function dockerRedisRun(name: string, port: number, options: RedisOptions): readonly string[] {
  return [
    'run',
    '--detach',
    '--name',
    name,
    '--publish',
    `127.0.0.1:${port}:${port}`,
    ...(options.files === undefined ? [] : ['--volume', `${options.files}:${options.files}:ro`]),
    REDIS_IMAGE,
    'redis-server',
    ...redisSettings({ port, bind: '0.0.0.0', data: '/data' }, options),
  ]
}

/** A server in a container. */
export async function startDockerRedis(options: RedisOptions): Promise<Redis> {
  const name = `joinery-redis-${randomUUID().slice(0, 8)}`
  const port = await freePort()
  const server = await DockerServer.start(name, dockerRedisRun(name, port, options), redisReadinessProbe(port, options))
  return {
    url: redisUrl(port, options),
    peer: { host: await server.address(), port },
    kill: () => server.kill(),
    restart: () => server.restart(),
    pause: () => server.pause(),
    resume: () => server.resume(),
    stop: () => server.stop(),
  }
}
