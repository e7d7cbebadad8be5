// One start of restore.ts: prints when tasks were assigned, when all were ready, and the cost.
import { readFileSync } from 'node:fs'
import { json, run, shutdownSignal, stream, table, text, topic } from '@joinery/core'
import { kafkaLog } from '@joinery/kafkajs'
import { countingLog } from './counting-log.js'
import { storesOf } from './stores.js'

const env = (name: string): string => {
  const value = process.env[name]
  if (value === undefined) throw new Error(`set ${name}`)
  return value
}

/**
 * @returns the bytes that are live on the heap and in buffers, and the private memory of the process. Pages of a mapped file
 * are not private: the operating system can reclaim them.
 */
async function memory(): Promise<{ readonly live: number; readonly private: number }> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  const privateBytes = Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1_024
  return { live: heapUsed + arrayBuffers, private: privateBytes }
}

process.stdin.resume().on('end', () => process.exit(1)) // the parent process has ended
const since = performance.timeOrigin
const rows = topic(env('INFORMATION_TOPIC'), { key: text(), value: json<{ readonly externalId: string }>() })
const events = topic(env('ACTIVATION_TOPIC'), { key: text(), value: json<{ readonly activationId: string }>() })
const results = topic(env('OUT_TOPIC'), {
  key: text(),
  value: json<{ readonly activationId: string; readonly externalId: string }>(),
})
const waiters = Number(process.env.WAITERS ?? 0)
const pipeline = stream(events)
  .join(table(rows), ({ activationId }, { externalId }) => ({ activationId, externalId }), {
    wait: { atMost: '1d', otherwise: 'drop', maxRecords: waiters + 1 },
  })
  .to(results)

const empty = await memory()
await using log = kafkaLog({ brokers: env('KAFKA_BROKERS').split(',') })
const stores = await storesOf(process.env)
const { log: counted, count } = countingLog(log, rows.name)
let assignedMs = 0
let began = process.cpuUsage()
await using app = await run(pipeline, {
  application: env('GROUP_ID'),
  log: counted,
  stores,
  signal: shutdownSignal(),
  onEvent: ({ type }) => {
    if (type !== 'assigned') return
    assignedMs = Date.now() - since
    began = process.cpuUsage()
  },
})
await app.ready
const readyMs = Date.now() - since
const { user, system } = process.cpuUsage(began)
const cpuSeconds = (user + system) / 1e6
const rowsRead = count()
const waiting = (): number => app.metrics().gauges.waitingRecords ?? 0
while (waiting() < waiters) await new Promise((resolve) => setTimeout(resolve, 20))
const full = await memory()
const perRow = (bytes: number): number => Math.round(bytes / Number(process.env.ROWS))
const seconds = (readyMs - assignedMs) / 1_000
console.log(
  JSON.stringify({
    rowsRead,
    waiting: waiting(),
    startMs: Math.round(readyMs),
    afterAssignmentMs: Math.round(readyMs - assignedMs),
    cpuSeconds,
    rowsPerSecond: Math.round(rowsRead / seconds),
    rowsPerCpuSecond: Math.round(rowsRead / cpuSeconds),
    liveBytesPerRow: perRow(full.live - empty.live),
    privateBytesPerRow: perRow(full.private - empty.private),
  }),
)
await app.closed
await stores[Symbol.asyncDispose]?.()
process.stdin.destroy()
