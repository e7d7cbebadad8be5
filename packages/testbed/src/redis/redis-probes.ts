import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { hasDockerImage } from '../servers/docker-server.js'
import type { RedisProbes } from './choose-redis.js'
import { REDIS_IMAGE } from './docker-redis.js'

const run = promisify(execFile)
const PROBE_MS = 10_000

/** Probes this machine. */
export const redisProbes: RedisProbes = {
  get given() {
    return process.env.REDIS_URL
  },
  docker: () =>
    run('docker', ['info'], { timeout: PROBE_MS }).then(
      () => hasDockerImage(REDIS_IMAGE),
      () => false,
    ),
  local: () =>
    run('redis-server', ['--version'], { timeout: PROBE_MS }).then(
      () => true,
      () => false,
    ),
}
