import type {} from 'vitest'
import type { TestProject } from 'vitest/node'
import { chooseRedis } from './redis/choose-redis.js'
import { startRedis } from './redis/redis.js'
import { redisProbes } from './redis/redis-probes.js'
import { announceSkipped } from './servers/announce-skipped.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** A Redis for all tests of the project. It may be shared. */
    redisUrl: string
    /** Whether tests can start their own servers, or why not. */
    ownRedis: { readonly isPossible: boolean; readonly missing: string }
  }
}

/** Matches no test. */
const NOTHING = /(?!)/

/** Starts Redis for the tests that need one. If that is impossible, they are skipped and announced prominently; in CI, that is a failure. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const choice = await chooseRedis(redisProbes)
  if (choice.from === 'nowhere') {
    announceSkipped(`NO REDIS, SO NO TESTS OF STORES IN IT: ${choice.missing}`)
    project.config.testNamePattern = NOTHING
    project.provide('redisUrl', '')
    project.provide('ownRedis', { isPossible: false, missing: choice.missing })
    return async () => {}
  }
  const own = await chooseRedis(redisProbes, true)
  const missing = own.from === 'nowhere' ? own.missing : ''
  if (missing !== '')
    process.stderr.write(
      `\nTests that need their own Redis (restarts, failovers, permissions) are skipped: ${missing}\n\n`,
    )
  const redis = await startRedis()
  project.provide('redisUrl', redis.url)
  project.provide('ownRedis', { isPossible: missing === '', missing })
  return () => redis.stop()
}
