// Measures the calls per second of one process, and the latency of a claim:
// KAFKA_BROKERS=... node dist/calls.js [--calls N] [--service-ms N] [--concurrency N] [--partitions N]
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { consume, json, produce, run, stream, text, topic } from '@joinery/core'
import { kafkaLog } from '@joinery/kafkajs'
import kafkajs from 'kafkajs'
import { createTopics } from './create-topics.js'

const { values } = parseArgs({
  options: {
    calls: { type: 'string', default: '4000' },
    'service-ms': { type: 'string', default: '50' },
    concurrency: { type: 'string', default: '16' },
    partitions: { type: 'string', default: '1' },
  },
})
const calls = Number(values.calls)
const brokers = (process.env.KAFKA_BROKERS ?? 'localhost:9092').split(',')
const id = randomUUID().slice(0, 8)
const requestsTopic = topic(`calls-requests-${id}`, { key: text(), value: json<{ readonly n: number }>() })
const resultsTopic = topic(`calls-results-${id}`, { key: text(), value: json<{ readonly status: number }>() })
const inDoubtTopic = `calls-in-doubt-${id}`

await using log = kafkaLog({ brokers })
await createTopics(log, brokers, Number(values.partitions), {
  [requestsTopic.name]: 'delete',
  [resultsTopic.name]: 'delete',
  [inDoubtTopic]: 'delete',
})

/** The external service: responds after a delay, and counts requests by idempotency key. */
const requests = new Map<string, number>()
const service = createServer((request, response) => {
  const key = String(request.headers['idempotency-key'])
  requests.set(key, (requests.get(key) ?? 0) + 1)
  setTimeout(() => response.end(), Number(values['service-ms']))
})
await new Promise<void>((resolve) => {
  service.listen(0, '127.0.0.1', resolve)
})
const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/`

const overheads: number[] = []
let firstAt = 0
const activate = stream(requestsTopic)
  .callOnce(
    async ({ n }, call) => {
      firstAt ||= performance.now()
      overheads.push(Date.now() - call.claimedAt)
      const { status } = await call.fetch(url, { method: 'POST', body: String(n) })
      return { status }
    },
    { inDoubt: { deadLetter: inDoubtTopic }, concurrency: Number(values.concurrency) },
  )
  .to(resultsTopic)

await produce(log, requestsTopic, ...Array.from({ length: calls }, (_, n) => ({ key: `k${n}`, value: { n } })))
const cpu = process.cpuUsage()
await using app = await run(activate, { application: `calls-${id}`, log })
let results = 0
for await (const _ of consume(log, resultsTopic)) if (++results === calls) break
const seconds = (performance.now() - firstAt) / 1_000
const { user, system } = process.cpuUsage(cpu)
const sorted = overheads.toSorted((a, b) => a - b)
const percentile = (share: number): number | undefined => sorted[Math.floor(share * (sorted.length - 1))]
console.log(
  JSON.stringify({
    calls,
    perSecond: Math.round(calls / seconds),
    cpuSeconds: Math.round((user + system) / 10_000) / 100,
    claimToCallMs: { p50: percentile(0.5), p99: percentile(0.99), max: percentile(1) },
    maxRequestsPerCall: Math.max(...requests.values()),
    metrics: app.metrics().pipelines[requestsTopic.name],
  }),
)
await app.close()
service.close()
const admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).admin()
await admin.connect()
await admin.deleteTopics({
  topics: [requestsTopic.name, resultsTopic.name, inDoubtTopic, `calls-${id}-changelog`, `calls-${id}.calls.reports`],
})
await admin.disconnect()
