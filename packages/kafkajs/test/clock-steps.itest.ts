import { type AppEvent, json, produce, run, stream, table, text, topic } from '@joinery/core'
import { afterEach, describe, expect, inject, it, vi } from 'vitest'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { createTopics, unique } from './support/topics.js'

const brokers = inject('brokers')
const LIMIT = { timeout: 10_000, interval: 20 }
const SESSION_MS = 6_000
const HOUR_MS = 3_600_000
const WAIT_MS = 3_000

afterEach(() => void vi.restoreAllMocks())

describe('the clock of the machine', () => {
  it.each([
    ['back', -HOUR_MS],
    ['ahead', HOUR_MS],
  ])(
    'steps %s by an hour: the member stays, events continue, and deadlines do not move',
    async (_, stepMs) => {
      const name = unique()
      const events = topic(name('event'), { key: text(), value: json<number>() })
      const rows = topic(name('row'), { key: text(), value: json<string>() })
      const results = topic(name('result'), { key: text(), value: json<number>() })
      const dead = name('dead')
      await createTopics(
        { brokers },
        ...[events.name, rows.name, results.name, dead].map((of) => ({ topic: of, partitions: 1 })),
      )
      const pipeline = stream(events)
        .join(table(rows), (event) => event, { wait: { atMost: `${WAIT_MS}ms`, otherwise: { deadLetter: dead } } })
        .to(results)
      await using log = kafkaLog({ brokers, sessionTimeout: SESSION_MS })
      const told: AppEvent[] = []
      await using app = await run(pipeline, { application: name('service'), log, onEvent: (event) => told.push(event) })
      await app.ready
      const metrics = () => app.metrics().pipelines[events.name]
      await produce(log, rows, { key: 'there', value: 'row' })
      await produce(log, events, { key: 'there', value: 0 })
      await expect.poll(() => metrics()?.emitted, LIMIT).toBe(1)
      told.length = 0

      const now = Date.now
      vi.spyOn(Date, 'now').mockImplementation(() => now() + stepMs)
      const began = performance.now()
      await produce(log, events, { key: 'missing', value: 0 })
      await expect.poll(() => metrics()?.waiting, LIMIT).toBe(1)
      const waitsFrom = performance.now()
      let expiredAt = Number.POSITIVE_INFINITY
      // longer than the session: a member without heartbeats is expelled by then
      for (let sent = 1; performance.now() - began < SESSION_MS * 1.5; sent++) {
        await produce(log, events, { key: 'there', value: sent })
        await expect.poll(() => metrics()?.emitted, LIMIT).toBe(sent + 1)
        if (metrics()?.deadLettered['no-row'] === 1) expiredAt = Math.min(expiredAt, performance.now())
      }
      expect(told.filter(({ type }) => ['lost', 'revoked', 'reopening'].includes(type))).toEqual([])
      expect(expiredAt - began).toBeGreaterThan(WAIT_MS)
      expect(expiredAt - waitsFrom).toBeLessThan(WAIT_MS + LIMIT.timeout)
      expect(metrics()).toMatchObject({ waiting: 0 })
    },
    60_000,
  )
})
