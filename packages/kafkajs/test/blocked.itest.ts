import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { deadLetterInfo, produce } from '@joinery/core'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { bundle } from '../../testbed/src/bundle.js'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { blockingJoin } from './support/blocking-join.js'
import { recordsOf } from './support/records.js'
import { createTopics, unique } from './support/topics.js'
import { WorkerProcess } from './support/worker-process.js'

const brokers = inject('brokers')
/** The least that brokers allow by default. */
const SESSION_MS = 6_000
/** Clearly longer: a busy broker may receive the last heartbeat before the block late, and the session lasts from then on. */
const BLOCK_MS = 8_500
const EVENTS = 20
const SLOW = 7
const LIMIT = { timeout: 90_000, interval: 100 }
const workers: WorkerProcess[] = []
let program: string

beforeAll(async () => {
  program = await bundle(new URL('./fixtures/blocking-worker.ts', import.meta.url).pathname)
})
afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.kill()))
  await rm(dirname(program), { recursive: true, force: true })
})

it.skipIf(brokers.length === 0)(
  'an event whose joiner blocks for longer than the session is dead-lettered, and two instances do not pass it on forever',
  { timeout: 150_000 },
  async () => {
    const name = unique()
    const { events, rows, results, dead } = blockingJoin(name, () => {})
    await createTopics({ brokers }, ...[events.name, results.name, dead].map((topic) => ({ topic, partitions: 2 })), {
      topic: rows.name,
      partitions: 2,
      config: { 'cleanup.policy': 'compact' },
    })
    await using log = kafkaLog({ brokers })
    const numbered = Array.from({ length: EVENTS }, (_, i) => ({ key: `k${i}`, value: { i, isSlow: i === SLOW } }))
    await produce(log, rows, ...numbered)
    const env = {
      BROKERS: brokers.join(','),
      ID: name('').slice(1),
      SESSION_MS: `${SESSION_MS}`,
      BLOCK_MS: `${BLOCK_MS}`,
    }
    const start = () => new WorkerProcess(program, env)
    workers.push(start(), start())
    await expect.poll(() => workers.map(({ report }) => report?.tasks.length), LIMIT).toEqual([1, 1])
    await expect.poll(() => workers.map(({ report }) => report?.state), LIMIT).toEqual(['running', 'running'])

    await produce(log, events, ...numbered)
    await expect.poll(async () => (await recordsOf(log, dead)).length, LIMIT).toBe(1)
    await expect.poll(async () => (await recordsOf(log, results.name)).length, LIMIT).toBe(EVENTS - 1)
    await expect.poll(() => workers.map(({ report }) => report?.state), LIMIT).toEqual(['running', 'running'])

    const [letter] = await recordsOf(log, dead)
    const { reason, message, origin } = deadLetterInfo(letter?.headers ?? []) ?? {}
    expect(reason).toBe('function-blocked')
    const text = new RegExp(
      `nothing else ran for [89]\\.\\d s, in the joiner of join rows of pipeline ${events.name}, at `,
    )
    expect(message).toMatch(text)
    expect(message).toContain(`, at ${events.name}[${origin?.partition}] offset ${origin?.offset}, `)
    const found = (await recordsOf(log, results.name)).map(({ value }) => results.value.decode(value as Uint8Array).i)
    expect(found.sort((a, b) => a - b)).toEqual(numbered.map(({ value }) => value.i).filter((i) => i !== SLOW))
    const blocks = workers.map(({ report }) => report?.blocks ?? 0)
    expect(Math.max(...blocks)).toBe(2)
    expect(Math.min(...blocks)).toBeLessThanOrEqual(2)
    expect(await Promise.all(workers.map((worker) => worker.close()))).toEqual([0, 0])
  },
)
