import { send } from '@joinery/core'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { bundle } from '../../testbed/src/bundle.js'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { testJoin } from './support/join.js'
import { recordsOf } from './support/records.js'
import { createTopics, unique } from './support/topics.js'
import { WorkerProcess } from './support/worker-process.js'

const brokers = inject('brokers')
const name = unique()
const { activations, information, notifications, dead } = testJoin(name)
const ACTIVATIONS = 30_000
const PRODUCTS = 3_000
const CHUNK = 1_000
/** Every so many products has its row only at the end. */
const LATE = 10
const KILL_AT = 10_000
const LIMIT = { timeout: 60_000, interval: 50 }

const product = (i: number) => `p${i % PRODUCTS}`
const row = (i: number) => ({ key: product(i), value: { externalId: `x${i}` } })
const isLate = (i: number) => i % LATE === 0
const products = Array.from({ length: PRODUCTS }, (_, i) => i)

describe('two instances, one of them killed', () => {
  const workers: WorkerProcess[] = []
  let program: string

  beforeAll(async () => {
    program = await bundle(new URL('./fixtures/join-worker.ts', import.meta.url).pathname)
    await createTopics(
      { brokers },
      { topic: activations.name },
      { topic: information.name, config: { 'cleanup.policy': 'compact' } },
      { topic: notifications.name },
      { topic: dead },
    )
  })
  afterAll(() => Promise.all(workers.map((worker) => worker.kill())))

  const start = () => {
    const worker = new WorkerProcess(program, { BROKERS: brokers.join(','), ID: name('').slice(1) })
    workers.push(worker)
    return worker
  }

  it('each activation has exactly one output', async () => {
    await using log = kafkaLog({ brokers })
    await send(log, information, ...products.filter((i) => !isLate(i)).map(row))
    const [victim, survivor] = [start(), start()]
    await expect
      .poll(() => [victim, survivor].map(({ report }) => [report?.state, report?.tasks.length]), LIMIT)
      .toEqual([
        ['running', 2],
        ['running', 2],
      ])

    for (let sent = 0; sent < ACTIVATIONS; sent += CHUNK) {
      if (sent === KILL_AT) {
        // it is in the middle of its work, and events wait in its tasks
        await expect.poll(() => victim.report?.totals.waiting, LIMIT).toBeGreaterThan(0)
        await victim.kill()
      }
      const chunk = Array.from({ length: CHUNK }, (_, i) => sent + i)
      await send(log, activations, ...chunk.map((id) => ({ key: product(id), value: { id, productId: product(id) } })))
    }
    await send(log, information, ...products.filter(isLate).map(row))

    await expect
      .poll(() => survivor.report?.totals, LIMIT)
      .toMatchObject({ in: ACTIVATIONS, emitted: ACTIVATIONS, waiting: 0, dropped: {}, deadLettered: {} })
    expect(await survivor.close()).toBe(0)
    expect(survivor.errors).toBe('')

    const outputs = new Map<number, number>()
    for (const { value } of await recordsOf(log, notifications.name)) {
      const { id, productId, externalId } = notifications.value.decode(value as Uint8Array)
      expect({ productId, externalId }).toEqual({ productId: product(id), externalId: `x${id % PRODUCTS}` })
      outputs.set(id, (outputs.get(id) ?? 0) + 1)
    }
    expect(outputs.size).toBe(ACTIVATIONS)
    expect([...outputs].filter(([, times]) => times !== 1)).toEqual([])
    expect(await recordsOf(log, dead)).toEqual([])
  }, 120_000)
})
