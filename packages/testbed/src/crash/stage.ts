import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Log } from '@joinery/core/log'
import { kafkaLog } from '@joinery/kafkajs'
import { bundle } from '../bundle.js'
import { startKafka } from '../kafka/kafka.js'
import type { Kafka, KafkaOptions } from '../kafka/kafka-options.js'
import { startRedis } from '../redis/redis.js'
import { RawLog } from '../wire/raw-log.js'
import type { Kept } from './worker/worker-stores.js'

const WORKER = fileURLToPath(new URL('../../src/crash/worker/worker.ts', import.meta.url))

/** Of esbuild's, as far as it is used. */
interface Build {
  onResolve(options: { readonly filter: RegExp }, found: () => { readonly path: string; readonly external: true }): void
}

/** lmdb has a native part, and is loaded from where it is. */
const lmdbFromHere = {
  name: 'lmdb-from-here',
  setup: (build: Build) => {
    const adapter = createRequire(import.meta.url).resolve('@joinery/lmdb')
    const path = createRequire(adapter).resolve('lmdb')
    build.onResolve({ filter: /^lmdb$/ }, () => ({ path, external: true }))
  },
}

/** What all scenarios of a run share: a broker that may be killed, and what looks at it from outside. */
export interface Stage extends AsyncDisposable {
  readonly kafka: Kafka
  /** As `host:port`. */
  readonly broker: string
  /** Of the harness itself: producers, and intruders. */
  readonly log: Log
  readonly raw: RawLog
  /** Where workers can keep their stores. */
  readonly kept: readonly Kept[]
  /** Of stores in Redis, which all workers share; empty if there are none. */
  readonly redisUrl: string
  /** The worker, with failpoints. */
  readonly program: string
  /** Of stores on disk. */
  readonly folder: string
}

/** Starts the servers and makes the worker. Members may be silent for as little as a second. */
export async function openStage(kept: readonly Kept[], options: KafkaOptions = {}): Promise<Stage> {
  const program = await bundle(WORKER, [lmdbFromHere], ['joinery:failpoints'])
  const folder = await mkdtemp(join(tmpdir(), 'joinery-stores-'))
  const remove = async () => {
    await rm(dirname(program), { recursive: true, force: true })
    await rm(folder, { recursive: true, force: true })
  }
  const properties = { 'group.min.session.timeout.ms': 1_000, ...options.properties }
  const kafka = await startKafka({ own: true, ...options, properties }).catch(async (error) => {
    await remove()
    throw error
  })
  const redis = await (kept.includes('in Redis') ? startRedis() : undefined)?.catch(async (error) => {
    await kafka.stop()
    await remove()
    throw error
  })
  const [broker = ''] = kafka.brokers
  const log = kafkaLog({ brokers: [broker], clientId: 'harness' })
  const raw = new RawLog(broker)
  return {
    kafka,
    broker,
    kept,
    redisUrl: redis?.url ?? '',
    log,
    raw,
    program,
    folder,
    async [Symbol.asyncDispose]() {
      raw.close()
      await log[Symbol.asyncDispose]()
      await redis?.stop()
      await kafka.stop()
      await remove()
    },
  }
}
