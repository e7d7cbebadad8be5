import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { consume, produce } from '@joinery/core'
import { kafkaLog } from '@joinery/kafkajs'
import kafkajs from 'kafkajs'
import { afterAll, describe, expect, inject, it, vi } from 'vitest'
import type {} from '../../../packages/testbed/src/vitest-setup.js'
import { startRestService } from '../src/demo/rest-service/rest-service.js'
import {
  activated,
  deadActivations,
  inDoubt,
  notifications,
  productActivation,
  productInformation,
} from '../src/topics.js'

const brokers = inject('brokers')
const built = (name: string) => fileURLToPath(new URL(`../dist/${name}.js`, import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'joinery-services-'))
const running: ChildProcess[] = []
const TOPICS = [productActivation, productInformation, notifications, deadActivations, activated, inDoubt].map(
  ({ name }) => name,
)
afterAll(() => {
  for (const child of running) child.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

/** Starts a built program, as a user of the example would. */
function start(name: string, env: Readonly<Record<string, string>> = {}) {
  if (!existsSync(built(name))) throw new Error('the services are started as built: pnpm run build')
  const child = spawn(process.execPath, [built(name)], {
    env: { ...process.env, KAFKA_BROKERS: brokers.join(','), ...env },
    stdio: 'ignore',
  })
  running.push(child)
  return { child, ended: once(child, 'exit').then(([code]) => code as number | null) }
}

/** The status of a probe; 0 while nothing listens. */
const probe = (port: string, path: string) =>
  fetch(`http://127.0.0.1:${port}${path}`).then(
    ({ status }) => status,
    () => 0,
  )
const ready = (port: string) => expect.poll(() => probe(port, '/ready'), { timeout: 60_000, interval: 200 }).toBe(200)

describe('the services of the example, as users copy them', () => {
  it('join and call on Kafka, keep waiting events across kill -9, and end with code 0 after SIGTERM', async () => {
    await using rest = await startRestService({ file: join(folder, 'calls.log') })
    await using log = kafkaLog({ brokers })
    expect(await start('create-topics').ended).toBe(0)
    const admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).admin()
    await admin.connect()
    await vi.waitFor(() => admin.fetchTopicMetadata({ topics: [...TOPICS] }), { timeout: 10_000, interval: 20 })
    await admin.disconnect()

    const [portA, portB] = ['18081', '18082'] as const
    let a = start('service-a', { PORT: portA })
    const b = start('service-b', { PORT: portB, SERVICE_URL: rest.url })
    await Promise.all([ready(portA), ready(portB)])

    const productId = `p-${randomUUID()}` // the broker may have seen other runs
    const activationId = `${productId}/1`
    await produce(log, productActivation, { key: productId, value: { activationId, productId } })
    const waits = async () => {
      const metrics = await (await fetch(`http://127.0.0.1:${portA}/metrics`)).text()
      return /^joinery_records_waiting\{.*\} 1$/m.test(metrics)
    }
    await expect.poll(waits, { timeout: 20_000, interval: 100 }).toBe(true)
    a.child.kill('SIGKILL')
    await a.ended

    a = start('service-a', { PORT: portA })
    await expect.poll(() => probe(portA, '/live'), { timeout: 20_000, interval: 100 }).toBe(200)
    await produce(log, productInformation, { key: productId, value: { externalId: `x-${productId}` } })
    for await (const { key, value } of consume(log, activated)) {
      if (key !== productId) continue
      expect(value).toEqual({ activationId, status: 204 })
      break
    }
    expect(rest.calls.filter((call) => call.activationId === activationId)).toHaveLength(1)

    a.child.kill('SIGTERM')
    b.child.kill('SIGTERM')
    expect(await Promise.all([a.ended, b.ended])).toEqual([0, 0])
  }, 120_000)
})
