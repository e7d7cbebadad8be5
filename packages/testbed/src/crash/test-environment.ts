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
import type { StoreLocation } from './worker/worker-stores.js'

const WORKER = fileURLToPath(new URL('../../src/crash/worker/worker.ts', import.meta.url))

/** The part of an esbuild plugin's set-up that is used here. */
interface PluginBuild {
  onResolve(options: { readonly filter: RegExp }, found: () => { readonly path: string; readonly external: true }): void
}

/** lmdb has a native part, and is loaded from its own folder. */
const lmdbFromHere = {
  name: 'lmdb-from-here',
  setup: (build: PluginBuild) => {
    const adapter = createRequire(import.meta.url).resolve('@joinery/lmdb')
    const path = createRequire(adapter).resolve('lmdb')
    build.onResolve({ filter: /^lmdb$/ }, () => ({ path, external: true }))
  },
}

/** What the scenarios of a part share: the servers, and clients that observe them. */
export interface TestEnvironment extends AsyncDisposable {
  readonly kafka: Kafka
  /** As `host:port`. */
  readonly broker: string
  /** The harness's own client, for producers and for intruders. */
  readonly log: Log
  readonly raw: RawLog
  /** The possible locations of workers' stores. */
  readonly storeLocations: readonly StoreLocation[]
  /** The Redis that all workers share; empty if there is none. */
  readonly redisUrl: string
  /** The path of the worker program, which has failpoints. */
  readonly program: string
  /** The folder for stores on disk. */
  readonly folder: string
}

/** Starts the servers, and builds the worker. Session timeouts may be as short as a second. */
export async function openTestEnvironment(
  storeLocations: readonly StoreLocation[],
  options: KafkaOptions = {},
): Promise<TestEnvironment> {
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
  const redis = await (storeLocations.includes('in Redis') ? startRedis() : undefined)?.catch(async (error) => {
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
    storeLocations,
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
