import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { produce } from '@joinery/core'
import type { Log } from '@joinery/core/log'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { bundle } from '../../testbed/src/bundle.js'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { type TestJoin, testJoin } from './support/join.js'
import { recordsOf } from './support/records.js'
import { createTopics, unique } from './support/topics.js'
import { WorkerProcess } from './support/worker-process.js'

const brokers = inject('brokers')
const ACTIVATIONS = 30_000
const PRODUCTS = 3_000
const CHUNK = 1_000
/** One in this many products gets its row only at the end. */
const LATE = 10
const FAIL_AT = 10_000
const LIMIT = { timeout: 60_000, interval: 50 }

const product = (i: number) => `p${i % PRODUCTS}`
const row = (i: number) => ({ key: product(i), value: { externalId: `x${i}` } })
const isLate = (i: number) => i % LATE === 0
const products = Array.from({ length: PRODUCTS }, (_, i) => i)

describe('two instances, one of which fails while traffic flows and events wait in its tasks', () => {
  const workers: WorkerProcess[] = []
  let program: string
  let id: string
  let join: TestJoin

  beforeAll(async () => {
    program = await bundle(new URL('./fixtures/join-worker.ts', import.meta.url).pathname)
  })
  beforeEach(async () => {
    const name = unique()
    id = name('').slice(1)
    join = testJoin(name)
    await createTopics(
      { brokers },
      { topic: join.activations.name },
      { topic: join.information.name, config: { 'cleanup.policy': 'compact' } },
      { topic: join.notifications.name },
      { topic: join.dead },
    )
  })
  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.kill()))
    await rm(dirname(program), { recursive: true, force: true })
  })

  const startTwo = async (): Promise<[WorkerProcess, WorkerProcess]> => {
    const start = () => new WorkerProcess(program, { BROKERS: brokers.join(','), ID: id })
    const two: [WorkerProcess, WorkerProcess] = [start(), start()]
    workers.push(...two)
    await sharing(...two)
    return two
  }
  const sharing = (...two: WorkerProcess[]) =>
    expect
      .poll(() => two.map(({ report }) => [report?.state, report?.tasks.length]), LIMIT)
      .toEqual(two.map(() => ['running', 4 / two.length]))

  /** Sends everything, and waits for `happens` in the middle. */
  const traffic = async (log: Log, happens: () => Promise<unknown>) => {
    for (let sent = 0; sent < ACTIVATIONS; sent += CHUNK) {
      if (sent === FAIL_AT) await happens()
      const ids = Array.from({ length: CHUNK }, (_, i) => sent + i)
      await produce(
        log,
        join.activations,
        ...ids.map((i) => ({ key: product(i), value: { id: i, productId: product(i) } })),
      )
    }
  }
  const expectOnceEach = async (log: Log) => {
    const outputs = new Map<number, number>()
    for (const { value } of await recordsOf(log, join.notifications.name)) {
      const { id: of, productId, externalId } = join.notifications.value.decode(value as Uint8Array)
      expect({ productId, externalId }).toEqual({ productId: product(of), externalId: `x${of % PRODUCTS}` })
      outputs.set(of, (outputs.get(of) ?? 0) + 1)
    }
    expect(outputs.size).toBe(ACTIVATIONS)
    expect([...outputs].filter(([, times]) => times !== 1)).toEqual([])
    expect(await recordsOf(log, join.dead)).toEqual([])
  }

  it('killed: each activation has exactly one output', async () => {
    await using log = kafkaLog({ brokers })
    await produce(log, join.information, ...products.filter((i) => !isLate(i)).map(row))
    const [victim, survivor] = await startTwo()
    let killed: Promise<void> | undefined
    await traffic(log, async () => {
      await expect.poll(() => victim.report?.totals.waiting, LIMIT).toBeGreaterThan(0)
      killed = victim.kill()
    })
    await killed
    await produce(log, join.information, ...products.filter(isLate).map(row))

    await expect
      .poll(() => survivor.report?.totals, LIMIT)
      .toMatchObject({ in: ACTIVATIONS, emitted: ACTIVATIONS, waiting: 0, dropped: {}, deadLettered: {} })
    expect([await survivor.close(), survivor.errors]).toEqual([0, ''])
    await expectOnceEach(log)
  }, 120_000)

  it('frozen until others have its tasks, then thawed: its outdated ownership has no effect, and it joins again', async () => {
    await using log = kafkaLog({ brokers })
    await produce(log, join.information, ...products.filter((i) => !isLate(i)).map(row))
    const [victim, survivor] = await startTwo()
    await traffic(log, async () => {
      await expect.poll(() => victim.report?.totals.waiting, LIMIT).toBeGreaterThan(0)
      victim.freeze()
    })
    await sharing(survivor)
    victim.thaw()
    await produce(log, join.information, ...products.filter(isLate).map(row))

    await sharing(victim, survivor)
    await expect
      .poll(() => [victim, survivor].reduce((sum, { report }) => sum + (report?.totals.emitted ?? 0), 0), LIMIT)
      .toBe(ACTIVATIONS)
    for (const worker of [victim, survivor]) expect([await worker.close(), worker.errors]).toEqual([0, ''])
    await expectOnceEach(log)
  }, 120_000)
})
