// How many calls a second one process makes, and what a claim costs: KAFKA_BROKERS=... node dist/calls.js [--calls N] [--service-ms N] [--concurrency N]
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { consume, json, produce, run, stream, text, topic } from '@joinery/core'
import { kafkaLog } from '@joinery/kafkajs'
import kafkajs from 'kafkajs'

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
const asked = topic(`calls-asked-${id}`, { key: text(), value: json<{ readonly n: number }>() })
const answered = topic(`calls-answered-${id}`, { key: text(), value: json<{ readonly status: number }>() })
const doubtful = `calls-in-doubt-${id}`

const admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).admin()
await admin.connect()
const numPartitions = Number(values.partitions)
await admin.createTopics({
  waitForLeaders: true,
  topics: [asked.name, answered.name, doubtful].map((name) => ({ topic: name, numPartitions })),
})

/** The external service: answers after its time, and counts. */
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
const activate = stream(asked)
  .callOnce(
    async ({ n }, call) => {
      firstAt ||= performance.now()
      overheads.push(Date.now() - call.claimedAt)
      const { status } = await call.fetch(url, { method: 'POST', body: String(n) })
      return { status }
    },
    { inDoubt: { deadLetter: doubtful }, concurrency: Number(values.concurrency) },
  )
  .to(answered)

await using log = kafkaLog({ brokers })
await produce(log, asked, ...Array.from({ length: calls }, (_, n) => ({ key: `k${n}`, value: { n } })))
const cpu = process.cpuUsage()
await using app = await run(activate, { application: `calls-${id}`, log })
let results = 0
for await (const _ of consume(log, answered)) if (++results === calls) break
const seconds = (performance.now() - firstAt) / 1_000
const { user, system } = process.cpuUsage(cpu)
const sorted = overheads.toSorted((a, b) => a - b)
const at = (share: number): number | undefined => sorted[Math.floor(share * (sorted.length - 1))]
console.log(
  JSON.stringify({
    calls,
    perSecond: Math.round(calls / seconds),
    cpuSeconds: Math.round((user + system) / 10_000) / 100,
    claimToCallMs: { p50: at(0.5), p99: at(0.99), max: at(1) },
    maxRequestsPerCall: Math.max(...requests.values()),
    metrics: app.metrics().pipelines[asked.name],
  }),
)
await app.close()
service.close()
await admin.deleteTopics({
  topics: [asked.name, answered.name, doubtful, `calls-${id}-changelog`, `calls-${id}.calls.reports`],
})
await admin.disconnect()
