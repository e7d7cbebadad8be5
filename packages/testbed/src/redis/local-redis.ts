import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../servers/free-port.js'
import { LocalServer } from '../servers/local-server.js'
import type { Redis, RedisOptions } from './redis-options.js'
import { redisProgram } from './redis-probes.js'
import { redisReadinessProbe, redisSettings, redisUrl } from './redis-settings.js'

/** A server as a process on this machine. */
export async function startLocalRedis(options: RedisOptions): Promise<Redis> {
  const port = await freePort()
  const folder = await mkdtemp(join(tmpdir(), 'joinery-redis-'))
  const args = redisSettings({ port, bind: '127.0.0.1', data: folder }, options)
  const server = await LocalServer.start(folder, redisProgram(), args, redisReadinessProbe(port, options))
  return {
    url: redisUrl(port, options),
    peer: { host: '127.0.0.1', port },
    kill: () => server.kill(),
    restart: () => server.restart(),
    pause: () => server.pause(),
    resume: () => server.resume(),
    stop: () => server.stop(),
  }
}
