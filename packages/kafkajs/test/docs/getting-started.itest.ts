import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import * as core from '@joinery/core'
import { consume, json, text, topic } from '@joinery/core'
import kafkajs from 'kafkajs'
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest'
import { documentBlocks } from '../../../core/test/docs/code-blocks.js'
import { prepare } from '../../../core/test/docs/compile-blocks.js'
import { runBlock } from '../../../core/test/docs/run-block.js'
import type {} from '../../../testbed/src/vitest-setup.js'
import * as joineryKafkajs from '../../src/index.js'
import { administer } from '../support/topics.js'

const PAGE = 'docs/getting-started.md'
const brokers = inject('brokers')
const prefix = `start-${randomUUID().slice(0, 8)}-`
const blocks = documentBlocks()
  .filter(({ file }) => file === PAGE)
  .map(prepare)

/** Names of this run alone, because other runs may use the same broker. */
const rename = (code: string): string =>
  code.replaceAll(
    /'(product-(?:activation(?:\.dead)?|information)|notifications(?:\.in-doubt)?|activated|service-[ab])'/g,
    `'${prefix}$1'`,
  )

const TOPICS = [
  'product-activation',
  'product-information',
  'notifications',
  'product-activation.dead',
  'activated',
  'notifications.in-doubt',
]
const notifications = topic(`${prefix}notifications`, { key: text(), value: json<unknown>() })
const activated = topic(`${prefix}activated`, { key: text(), value: json<unknown>() })

async function freePort(): Promise<number> {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

describe(`the programs of ${PAGE}`, () => {
  const shutdown = new AbortController()
  const modules = {
    '@joinery/core': { ...core, shutdownSignal: () => shutdown.signal },
    '@joinery/kafkajs': joineryKafkajs,
    kafkajs,
  }
  const start = (name: string, ...args: readonly string[]): Promise<void> => {
    const block = blocks.find((each) => each.block.name === name)
    if (block === undefined) throw new Error(`${PAGE} has no ${name}`)
    process.argv = [...process.argv.slice(0, 2), ...args]
    return runBlock(block, blocks, modules, rename)
  }
  const { argv } = process

  beforeEach(async () => {
    const port = await freePort()
    vi.stubEnv('KAFKA_BROKERS', brokers.join(','))
    vi.stubEnv('PORT', String(port))
    vi.stubEnv('SERVICE_URL', `http://127.0.0.1:${port}`)
  })
  afterEach(() => {
    process.argv = argv
    vi.unstubAllEnvs()
  })

  it('join, call and end on a signal', async () => {
    await start('create-topics.ts')
    await administer({ brokers }, async (admin) => {
      const areKnown = () => admin.fetchTopicMetadata({ topics: TOPICS.map((name) => `${prefix}${name}`) })
      await vi.waitFor(areKnown, { timeout: 10_000, interval: 20 })
    })
    const running = ['rest-service.ts', 'service-a.ts', 'service-b.ts', 'watch.ts'].map((name) => start(name))
    const failed = Promise.all(running) // a program that fails ends the waits below
    failed.catch(() => {})
    await start('send.ts', 'activation', 'p1')
    await start('send.ts', 'information', 'p1')

    await using log = joineryKafkajs.kafkaLog({ brokers })
    const firstOf = async (of: typeof activated) => {
      const records = consume(log, of)
      const first = await Promise.race([records.next(), failed])
      await records.return()
      return first
    }
    expect(await firstOf(notifications)).toMatchObject({
      value: { key: 'p1', value: { productId: 'p1', externalId: 'x-p1' } },
    })
    expect(await firstOf(activated)).toMatchObject({ value: { key: 'p1', value: { status: 204 } } })

    shutdown.abort()
    await failed
  })
})
