import { randomUUID } from 'node:crypto'
import * as core from '@joinery/core'
import { consume, json, produce, text, topic } from '@joinery/core'
import kafkajs from 'kafkajs'
import { describe, expect, inject, it, vi } from 'vitest'
import { documentBlocks } from '../../../core/test/docs/code-blocks.js'
import { prepare } from '../../../core/test/docs/compile-blocks.js'
import { runBlock } from '../../../core/test/docs/run-block.js'
import type {} from '../../../testbed/src/vitest-setup.js'
import * as joineryKafkajs from '../../src/index.js'

const brokers = inject('brokers')
const prefix = `docs-${randomUUID().slice(0, 8)}-`
const blocks = documentBlocks().map(prepare)
const onKafka = blocks.filter(({ block }) => block.trial === 'kafka')

/** Names of this run alone, because the broker may be somebody's. */
const rename = (code: string): string =>
  code.replaceAll(/'(product-activation(?:\.dead)?|product-information|notifications|service-a)'/g, `'${prefix}$1'`)

const activations = topic(`${prefix}product-activation`, { key: text(), value: json<{ productId: string }>() })
const information = topic(`${prefix}product-information`, { key: text(), value: json<{ externalId: string }>() })
const notifications = topic(`${prefix}notifications`, { key: text(), value: json<unknown>() })

describe('code in documents that needs a broker', () => {
  it('is these programs, and no other: each needs somebody who looks at what it does', () => {
    expect(onKafka.map(({ block }) => `${block.file} ${block.name}`).sort()).toEqual([
      'README.md main.ts', // below
      'docs/operator.md each-batch.ts', // operator.itest.ts
    ])
  })

  it('joins as the README says, and ends when it is asked to', async () => {
    const admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).admin()
    await admin.connect()
    await admin.createTopics({
      waitForLeaders: true,
      topics: [
        { topic: activations.name, numPartitions: 2 },
        { topic: information.name, numPartitions: 2, configEntries: [{ name: 'cleanup.policy', value: 'compact' }] },
        { topic: notifications.name, numPartitions: 2 },
        { topic: `${prefix}product-activation.dead`, numPartitions: 1 },
      ],
    })
    await admin.disconnect()

    const shutdown = new AbortController()
    vi.stubEnv('KAFKA_BROKERS', brokers.join(','))
    const modules = {
      '@joinery/core': { ...core, shutdownSignal: () => shutdown.signal },
      '@joinery/kafkajs': joineryKafkajs,
    }
    const main = onKafka.find(({ block }) => block.file === 'README.md')
    if (main === undefined) throw new Error('the README has no main.ts')
    const ended = runBlock(main, blocks, modules, rename)
    await using log = joineryKafkajs.kafkaLog({ brokers })
    await produce(log, activations, { key: 'p1', value: { productId: 'p1' } })
    await produce(log, information, { key: 'p1', value: { externalId: 'x1' } })
    const outputs = consume(log, notifications)
    const first = await Promise.race([outputs.next(), ended])
    expect(first).toMatchObject({ value: { key: 'p1', value: { productId: 'p1', externalId: 'x1' } } })
    await outputs.return()
    shutdown.abort()
    await ended
    vi.unstubAllEnvs()
  })
})
