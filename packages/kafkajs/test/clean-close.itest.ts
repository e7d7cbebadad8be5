import { setTimeout as delay } from 'node:timers/promises'
import { produce, run } from '@joinery/core'
import { expect, inject, it } from 'vitest'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { testJoin } from './support/join.js'
import { createTopics, unique } from './support/topics.js'

const brokers = inject('brokers')
const EVENTS = 50
const LIMIT = { timeout: 30_000, interval: 50 }

it.skipIf(brokers.length === 0).each([
  ['one after the other', false],
  ['both at once', true],
])('closing a running application and its log, %s, reports no retry', async (_, isAtOnce) => {
  const name = unique()
  const { activations, information, notifications, dead, pipeline } = testJoin(name)
  await createTopics({ brokers }, ...[activations.name, notifications.name, dead].map((topic) => ({ topic })), {
    topic: information.name,
    config: { 'cleanup.policy': 'compact' },
  })
  const retried: string[] = []
  const log = kafkaLog({ brokers, onRetry: ({ message }) => retried.push(message) })
  const app = await run(pipeline, { application: name('app'), log })
  await app.ready
  await produce(log, information, ...numbered(({ key }) => ({ key, value: { externalId: key } })))
  await produce(log, activations, ...numbered(({ id, key }) => ({ key, value: { id, productId: key } })))
  await expect.poll(() => Object.values(app.metrics().pipelines)[0]?.emitted, LIMIT).toBe(EVENTS)
  retried.length = 0 // while topics are new, brokers may not know their leaders
  // the application may fail with LOG_CLOSED then
  if (isAtOnce) await Promise.allSettled([app.close(), log[Symbol.asyncDispose]()])
  else {
    await app.close()
    await log[Symbol.asyncDispose]()
  }
  await delay(500) // requests that were in flight have failed
  expect(retried).toEqual([])
})

const numbered = <T>(of: (each: { readonly id: number; readonly key: string }) => T): T[] =>
  Array.from({ length: EVENTS }, (_, id) => of({ id, key: `p${id}` }))
