import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { bundle } from '../../../testbed/src/bundle.js'
import { startKafka } from '../../../testbed/src/kafka/kafka.js'
import { FaultProxy } from '../../../testbed/src/proxy/fault-proxy.js'
import { freePorts } from '../../../testbed/src/servers/free-port.js'
import type {} from '../../../testbed/src/vitest-setup.js'
import type { Ending, Stage } from './call-world.js'
import { type CrashRow, crashTable } from './crash-table.js'
import { KILLS, type Play } from './kill-points.js'
import { brokersDown, OTHERS } from './other-points.js'

const { isPossible } = inject('ownKafka')
/** So that a process that is frozen is expelled soon. */
const PROPERTIES = { 'group.min.session.timeout.ms': 1_000 }
const TIMEOUT_MS = 180_000
const table = crashTable()
const plays: Readonly<Record<string, Play>> = { ...KILLS, ...OTHERS, C14: brokersDown }
const endings = new Map<string, readonly Ending[]>()

it('plays every crash point of docs/call-once.md', () => {
  expect(Object.keys(plays).sort()).toEqual(table.map(({ point }) => point).sort())
})

describe.skipIf(!isPossible)('the outcome of a call is as in docs/call-once.md', () => {
  let stage: Stage
  beforeAll(async () => {
    const [port, advertised] = (await freePorts(2)) as [number, number]
    const program = await bundle(new URL('./call-worker.ts', import.meta.url).pathname)
    const kafka = await startKafka({ own: true, properties: PROPERTIES, proxied: { port, advertised } })
    const proxy = await FaultProxy.open(advertised, port)
    stage = { kafka, brokers: kafka.brokers, proxied: [`127.0.0.1:${advertised}`], proxy, program }
  }, 120_000)
  afterAll(async () => {
    for (const { point, what } of table) console.log(`${point.padEnd(5)}${summary(endings.get(point))}   ${what}`)
    if (stage === undefined) return // it was not created
    await stage.proxy[Symbol.asyncDispose]()
    await stage.kafka.stop()
    await rm(dirname(stage.program), { recursive: true, force: true })
  })

  async function play({ point, requests, found }: CrashRow): Promise<void> {
    const ended = (await plays[point]?.(stage)) ?? []
    endings.set(point, ended)
    expect(ended.length).toBeGreaterThan(0)
    for (const each of ended) {
      expect(each).toMatchObject({ found })
      expect(requests).toContain(each.requests)
    }
  }

  describe.concurrent('while the brokers are running', () => {
    it.each(table.filter(({ point }) => point !== 'C14'))('$point: $what', play, TIMEOUT_MS)
  })

  it.each(table.filter(({ point }) => point === 'C14'))('$point: $what', play, TIMEOUT_MS)
})

/** Counts equal outcomes: `3 x DONE after 1`. */
function summary(ended: readonly Ending[] = []): string {
  const counts = new Map<string, number>()
  for (const { found, requests } of ended) {
    const what = `${found} after ${requests}`
    counts.set(what, (counts.get(what) ?? 0) + 1)
  }
  return [...counts]
    .map(([what, count]) => `${count} x ${what}`)
    .join(', ')
    .padEnd(30)
}
