import { type AppEvent, produce, run } from '@joinery/core'
import { faultyLog } from '@joinery/core/testing'
import { expect, inject, it } from 'vitest'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { testJoin } from './support/join.js'
import { createTopics, unique } from './support/topics.js'

const brokers = inject('brokers')
const LIMIT = { timeout: 30_000, interval: 20 }

it.skipIf(brokers.length === 0)(
  'an application whose commits are rejected again and again is not ready after the session timeout, until one succeeds',
  async () => {
    const name = unique()
    const { activations, information, notifications, dead, pipeline } = testJoin(name)
    const names = [activations.name, information.name, notifications.name, dead]
    await createTopics({ brokers }, ...names.map((topic) => ({ topic, partitions: 1 })))
    let isRejected = false
    await using feeder = kafkaLog({ brokers })
    await using log = kafkaLog({ brokers, sessionTimeout: '6s' })
    const faulty = faultyLog(log, { commit: () => (isRejected ? 'rejected' : undefined) })
    const states: string[] = []
    let reopenings = 0
    const onEvent = (event: AppEvent) => {
      if (event.type === 'state') states.push(`${event.from} ${event.to}`)
      if (event.type === 'reopening') reopenings++
    }
    await using app = await run(pipeline, { application: name('service'), log: faulty, stalledAfter: '6s', onEvent })
    const event = (id: number) => produce(feeder, activations, { key: 'p', value: { id, productId: 'p' } })
    const emitted = () => app.metrics().pipelines[activations.name]?.emitted
    await produce(feeder, information, { key: 'p', value: { externalId: 'x' } })
    await event(1)
    await expect.poll(emitted, LIMIT).toBe(1)
    await expect.poll(() => app.health().ready, LIMIT).toBe(true)

    states.length = 0
    isRejected = true
    await event(2)
    await expect.poll(() => app.health().ready, LIMIT).toBe(false)
    await expect.poll(() => app.health().stalled, LIMIT).toHaveLength(1)
    // it stays so, although the task reaches `running` at each attempt
    const before = reopenings
    await expect.poll(() => reopenings, LIMIT).toBeGreaterThanOrEqual(before + 2)
    expect(states).toEqual(['running restoring'])
    expect(app.health()).toMatchObject({
      live: true,
      ready: false,
      stalled: [{ task: 0, reasons: [expect.stringContaining('a commit was rejected')] }],
    })

    isRejected = false
    await expect.poll(emitted, LIMIT).toBe(2)
    await expect
      .poll(() => app.health(), LIMIT)
      .toMatchObject({ ready: true, state: 'running', stalled: [], problems: [] })
  },
  90_000,
)
