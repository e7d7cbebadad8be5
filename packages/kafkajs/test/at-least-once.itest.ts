import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { produce, recordOrigin, reset, run, systemClock } from '@joinery/core'
import type { GroupMember, Log, TaskOffsets } from '@joinery/core/log'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { bundle } from '../../testbed/src/bundle.js'
import type {} from '../../testbed/src/vitest-setup.js'
import { OngoingRetries } from '../src/connection/ongoing-retries.js'
import { kafkaLog } from '../src/index.js'
import { GroupOffsets } from '../src/membership/group-offsets.js'
import { KafkaGroup } from '../src/membership/kafka-group.js'
import { type TestJoin, testJoin } from './support/join.js'
import { recordsOf } from './support/records.js'
import { testCluster } from './support/test-cluster.js'
import { administer, createTopics, unique } from './support/topics.js'
import { WorkerProcess } from './support/worker-process.js'

const brokers = inject('brokers')
const PARTITIONS = 4
const PRODUCTS = 500
const LIMIT = { timeout: 60_000, interval: 50 }
const product = (i: number) => `p${i % PRODUCTS}`
const LEAST = { guarantee: 'at-least-once' } as const

describe('at-least-once on Kafka', () => {
  const workers: WorkerProcess[] = []
  let program: string
  let name: (topic: string) => string
  let join: TestJoin

  beforeAll(async () => {
    program = await bundle(new URL('./fixtures/join-worker.ts', import.meta.url).pathname)
  })
  beforeEach(async () => {
    name = unique()
    join = testJoin(name, { waits: false })
    await createTopics(
      { brokers },
      { topic: join.activations.name, partitions: PARTITIONS },
      { topic: join.information.name, partitions: PARTITIONS, config: { 'cleanup.policy': 'compact' } },
      { topic: join.notifications.name, partitions: PARTITIONS },
      { topic: join.dead },
    )
  })
  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.kill()))
    await rm(dirname(program), { recursive: true, force: true })
  })

  const sendRows = (log: Log) =>
    produce(
      log,
      join.information,
      ...Array.from({ length: PRODUCTS }, (_, i) => ({ key: product(i), value: { externalId: `x${i}` } })),
    )
  const sendEvents = (log: Log, from: number, count: number) =>
    produce(
      log,
      join.activations,
      ...Array.from({ length: count }, (_, i) => ({
        key: product(from + i),
        value: { id: from + i, productId: product(from + i) },
      })),
    )
  /** By activation, the origins of its outputs. */
  const outputs = async (log: Log) => {
    const found = new Map<number, string[]>()
    for (const { value, headers } of await recordsOf(log, join.notifications.name)) {
      const { id, externalId } = join.notifications.value.decode(value as Uint8Array)
      expect(externalId).toBe(`x${id % PRODUCTS}`)
      const origin = recordOrigin(headers)
      expect(origin).toMatchObject({ application: name('service'), topic: join.activations.name })
      found.set(id, [...(found.get(id) ?? []), `${origin?.partition}/${origin?.offset}`])
    }
    return found
  }
  const offsetsOf = (topic: string) =>
    administer({ brokers }, async (admin) => {
      const [found] = await admin.fetchOffsets({ groupId: name('service'), topics: [topic] })
      return found?.partitions.map(({ offset }) => Number(offset)) ?? []
    })
  const start = async (log: Log<'at-least-once'>) => {
    const app = await run(join.pipeline, { application: name('service'), log, ...LEAST })
    await app.ready
    return app
  }

  it('loses no event when one of two instances is killed, and repeated outputs have the same origin', async () => {
    const [total, chunk, killAt] = [30_000, 1_000, 10_000]
    await using log = kafkaLog({ brokers })
    await sendRows(log)
    const [victim, survivor] = Array.from(
      { length: 2 },
      () =>
        new WorkerProcess(program, { BROKERS: brokers.join(','), ID: name('').slice(1), GUARANTEE: 'at-least-once' }),
    ) as [WorkerProcess, WorkerProcess]
    workers.push(victim, survivor)
    await expect
      .poll(() => [victim, survivor].map(({ report }) => [report?.state, report?.tasks.length]), LIMIT)
      .toEqual([
        ['running', 2],
        ['running', 2],
      ])
    let killed: Promise<void> | undefined
    for (let sent = 0; sent < total; sent += chunk) {
      if (sent === killAt) {
        await expect.poll(() => victim.report?.totals.emitted, LIMIT).toBeGreaterThan(0)
        killed = victim.kill()
      }
      await sendEvents(log, sent, chunk)
    }
    await killed

    // the survivor continues the totals of the victim's tasks: each event counts once
    await expect
      .poll(() => survivor.report?.totals, LIMIT)
      .toMatchObject({ in: total, emitted: total, waiting: 0, dropped: {}, deadLettered: {} })
    expect([await survivor.close(), survivor.errors]).toEqual([0, ''])
    const found = await outputs(log)
    expect(found.size).toBe(total)
    const origins = Array.from(found.values(), (of) => new Set(of))
    expect(origins.filter(({ size }) => size !== 1)).toEqual([])
    expect(new Set(origins.flatMap((of) => [...of])).size).toBe(total)
    const topics = await administer({ brokers }, (admin) => admin.listTopics())
    expect(topics).not.toContain(`${name('service')}-changelog`)
  }, 120_000)

  it('continues from the offsets of its group, wherever they were moved', async () => {
    await using log = kafkaLog({ brokers })
    await sendRows(log)
    await sendEvents(log, 0, PRODUCTS)
    const first = await start(log)
    await expect.poll(() => first.metrics().pipelines[join.activations.name]?.emitted, LIMIT).toBe(PRODUCTS)
    await first.close()
    const saved = await offsetsOf(join.activations.name)
    expect(saved.reduce((sum, offset) => sum + offset, 0)).toBe(PRODUCTS)

    await administer({ brokers }, (admin) =>
      admin.setOffsets({
        groupId: name('service'),
        topic: join.activations.name,
        partitions: [{ partition: 1, offset: '0' }],
      }),
    )
    const second = await start(log)
    await sendEvents(log, PRODUCTS, PRODUCTS)
    await expect
      .poll(async () => Array.from((await outputs(log)).values(), (of) => of.length).reduce((a, b) => a + b, 0), LIMIT)
      .toBe(2 * PRODUCTS + (saved[1] as number))
    await second.close()
    const again = [...(await outputs(log)).values()].filter((of) => of.length > 1)
    expect(again.length).toBe(saved[1])
    expect(again.every((of) => of.every((origin) => origin.startsWith('1/') && origin === of[0]))).toBe(true)
  }, 90_000)

  it('can be reset only while no instance runs', async () => {
    const options = { application: name('service'), ...LEAST }
    await using log = kafkaLog({ brokers })
    await using other = kafkaLog({ brokers })
    await sendRows(log)
    await sendEvents(log, 0, PRODUCTS)
    const first = await start(log)
    await expect.poll(() => first.metrics().pipelines[join.activations.name]?.emitted, LIMIT).toBe(PRODUCTS)
    await expect(reset(join.pipeline, { ...options, log: other, streams: 'latest' })).rejects.toThrow(
      expect.objectContaining({ code: 'TASK_LOST' }),
    )
    await first.close()
    await reset(join.pipeline, { ...options, log: other })
    expect(await offsetsOf(join.activations.name)).toEqual([0, 0, 0, 0])
    await using second = await start(log)
    await expect.poll(() => second.metrics().pipelines[join.activations.name]?.in, LIMIT).toBe(PRODUCTS)
  }, 90_000)

  it('accepts no offsets from a member that the group has expelled', async () => {
    const cluster = testCluster({ brokers: [...brokers] })
    const group = new KafkaGroup({
      clock: systemClock,
      cluster,
      sessionTimeoutMs: 6_000,
      rebalanceTimeoutMs: 10_000,
      heartbeatIntervalMs: 500,
      publishIntervalMs: 1_000,
      retries: new OngoingRetries(undefined),
    })
    let assign: () => void = () => {}
    const isAssigned = new Promise<void>((resolve) => {
      assign = resolve
    })
    const member: GroupMember = {
      assigned: () => assign(),
      revoked: async () => {},
      lost() {},
      ownedTasks: () => [],
      failed(error) {
        throw error
      },
    }
    const application = name('service')
    const offsets = new GroupOffsets(cluster, group)
    const at = (offset: number) => new Map([[join.activations.name, { offset, metadata: '' }]])
    const membership = await group.join(application, [join.activations.name], member)
    await isAssigned // joining does not wait for it, and without it no offsets may be saved
    const mine: TaskOffsets = await offsets.open({ application, task: 2 })
    expect(await mine.save(at(5))).toBe('saved')
    expect((await offsets.open({ application, task: 2 })).saved).toEqual(at(5))
    await membership.leave()
    expect(await mine.save(at(1))).toBe('fenced')
    expect((await offsets.open({ application, task: 2 })).saved).toEqual(at(5))
    await cluster.close()
  }, 60_000)
})
