import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { hasDockerImage } from '../servers/docker-server.js'
import type { RedisProbes } from './choose-redis.js'
import { REDIS_IMAGE } from './docker-redis.js'

const run = promisify(execFile)
/** @returns the program of `REDIS_SERVER`, or `redis-server` */
export const redisProgram = (): string => process.env.REDIS_SERVER?.trim() || 'redis-server'

const PROBE_MS = 10_000

/** Probes this machine. */
export const redisProbes: RedisProbes = {
  get given() {
    return process.env.REDIS_URL
  },
  get program() {
    return process.env.REDIS_SERVER
  },
  docker: () =>
    run('docker', ['info'], { timeout: PROBE_MS }).then(
      () => hasDockerImage(REDIS_IMAGE),
      () => false,
    ),
  local: () =>
    run(redisProgram(), ['--version'], { timeout: PROBE_MS }).then(
      () => true,
      () => false,
    ),
}
