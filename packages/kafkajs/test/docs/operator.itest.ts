import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as core from '@joinery/core'
import { deadLetterInfo, json, produce, recordOrigin, text, topic } from '@joinery/core'
import kafkajs, { type KafkaConfig } from 'kafkajs'
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest'
import { documentBlocks } from '../../../core/test/docs/code-blocks.js'
import { prepare } from '../../../core/test/docs/compile-blocks.js'
import { runBlock } from '../../../core/test/docs/run-block.js'
import * as joineryLmdb from '../../../lmdb/src/index.js'
import type {} from '../../../testbed/src/vitest-setup.js'
import * as joineryKafkajs from '../../src/index.js'
import { recordsOf } from '../support/records.js'
import { createTopics } from '../support/topics.js'

const brokers = inject('brokers')
const blocks = documentBlocks().map(prepare)
const program = blocks.find(({ block }) => block.file === 'docs/operator.md' && block.trial === 'kafka')

/** A client without the log output of kafkajs. */
class QuietKafka extends kafkajs.Kafka {
  constructor(config: KafkaConfig) {
    super({ ...config, logLevel: kafkajs.logLevel.NOTHING })
  }
}

describe('the program of docs/operator.md in eachBatch of kafkajs', () => {
  const prefix = `operator-${randomUUID().slice(0, 8)}-`
  const activations = topic(`${prefix}product-activation`, { key: text(), value: json<{ productId: string }>() })
  const information = topic(`${prefix}product-information`, { key: text(), value: json<{ externalId: string }>() })
  const notifications = topic(`${prefix}notifications`, {
    key: text(),
    value: json<{ productId: string; externalId: string }>(),
  })
  const dead = activations.named(`${prefix}product-activation.dead`)
  let state: string

  /** Names of this run alone, and shorter waits and smaller buffers than those of a service. */
  const rewrite = (code: string): string =>
    code
      .replaceAll(/'(product-activation(?:\.dead)?|product-information|notifications|service-a)'/g, `'${prefix}$1'`)
      .replace("atMost: '30m'", "atMost: '10s', maxRecords: 2")

  beforeEach(async () => {
    state = await mkdtemp(join(tmpdir(), 'operator-'))
    vi.stubEnv('KAFKA_BROKERS', brokers.join(','))
    vi.stubEnv('STATE_PATH', state)
    await createTopics(
      { brokers },
      { topic: activations.name, partitions: 2 },
      { topic: information.name, partitions: 2, config: { 'cleanup.policy': 'compact' } },
      { topic: notifications.name, partitions: 2 },
      { topic: dead.name, partitions: 1 },
    )
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    await rm(state, { recursive: true, force: true })
  })

  function start() {
    if (program === undefined) throw new Error('docs/operator.md has no program')
    const shutdown = new AbortController()
    const ended = runBlock(
      program,
      blocks,
      {
        '@joinery/core': { ...core, shutdownSignal: () => shutdown.signal },
        '@joinery/kafkajs': joineryKafkajs,
        '@joinery/lmdb': joineryLmdb,
        kafkajs: { ...kafkajs, Kafka: QuietKafka },
      },
      rewrite,
    )
    ended.catch(() => {}) // the caller that awaits it gets the error
    return {
      ended,
      async stop() {
        shutdown.abort()
        await ended
      },
    }
  }

  /** Rows that a transaction has written. */
  async function inTransaction(end: 'commit' | 'abort', keys: readonly string[]): Promise<void> {
    const kafka = new QuietKafka({ brokers: [...brokers] })
    const producer = kafka.producer({ transactionalId: prefix, maxInFlightRequests: 1 })
    await producer.connect()
    const transaction = await producer.transaction()
    await transaction.send({
      topic: information.name,
      messages: keys.map((key) => ({ key, value: JSON.stringify({ externalId: `x-${key}` }) })),
    })
    await transaction[end]()
    await producer.disconnect()
  }

  it('joins waiting events across a restart, pauses when its buffer is full, and expires events', async () => {
    await using log = joineryKafkajs.kafkaLog({ brokers })
    const products = Array.from({ length: 12 }, (_, i) => `p${i}`)
    const late = products.slice(0, 10) // the others have no rows
    await produce(log, activations, ...products.map((productId) => ({ key: productId, value: { productId } })))

    const written = () => Promise.all([recordsOf(log, notifications.name), recordsOf(log, dead.name)])
    /** Runs the program until at least this many records are written. */
    const runUntil = async (outputs: number, deadLetters: number) => {
      const running = start()
      const isDone = async () => {
        const [joined, letters] = await written()
        return joined.length >= outputs && letters.length >= deadLetters
      }
      const isWritten = expect.poll(isDone, { timeout: 60_000, interval: 200 }).toBe(true)
      await Promise.race([isWritten, running.ended.then(() => isWritten)])
      await running.stop()
    }

    await inTransaction('commit', late.slice(0, 5))
    await runUntil(5, 0)
    await produce(log, information, ...late.slice(5).map((key) => ({ key, value: { externalId: `x-${key}` } })))
    await runUntil(late.length, 0)
    // the ends of the tables are offsets that hold no row
    await inTransaction('abort', products)
    await runUntil(late.length, products.length - late.length)

    const [joined, letters] = await written()
    const found = joined.map(({ value }) => notifications.value.decode(value as Uint8Array))
    expect(found.sort((a, b) => Number(a.productId.slice(1)) - Number(b.productId.slice(1)))).toEqual(
      late.map((productId) => ({ productId, externalId: `x-${productId}` })),
    )
    const origins = [...joined, ...letters].map(({ headers }) => JSON.stringify(recordOrigin(headers)))
    expect(new Set(origins).size).toBe(products.length)
    expect(letters.map(({ headers }) => deadLetterInfo(headers)?.reason)).toEqual(['no-row', 'no-row'])
  }, 200_000)
})
