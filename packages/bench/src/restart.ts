// How long a restart takes, with KAFKA_BROKERS, STORE and ROWS: an application with one table of ROWS is started, ended
// by SIGTERM or SIGKILL, and started again; each start says how many rows it read, and when it was ready.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { json, type Log, run, send, shutdownSignal, stream, table, text, topic } from '@joinery/core'
import type { LogSource } from '@joinery/core/log'
import { kafkaLog } from '@joinery/kafkajs'
import kafkajs from 'kafkajs'
import { storesOf } from './stores.js'

const { KAFKA_BROKERS, NAME, STORE = 'lmdb', ROWS = '1000000', BYTES = '500', PARTITIONS = '4' } = process.env
if (KAFKA_BROKERS === undefined) throw new Error('set KAFKA_BROKERS')
const brokers = KAFKA_BROKERS.split(',')
const name = NAME ?? `restart-${Date.now()}`
const CHUNK = 5_000

const events = topic(`${name}-events`, { key: text(), value: json<{ n: number }>() })
const rows = topic(`${name}-rows`, { key: text(), value: json<{ text: string }>() })
const results = topic(`${name}-results`, { key: text(), value: json<{ n: number }>() })
const since = performance.timeOrigin

/** The log, with a count of the records that are read of the table's topic. */
function counting(log: Log): { log: Log; count: () => number } {
  let read = 0
  const { source } = log
  const counted: LogSource = {
    describe: (topics) => source.describe(topics),
    end: (at, kind) => source.end(at, kind),
    earliest: (at) => source.earliest(at),
    async *read(from, signal) {
      for await (const batch of source.read(from, signal)) {
        if (from.topic === rows.name) read += batch.records.length
        yield batch
      }
    },
  }
  const { sink, group, tasks } = log
  return { log: { source: counted, sink, group, tasks, [Symbol.asyncDispose]: async () => {} }, count: () => read }
}

/** One start: says when tasks were assigned and when all were ready, in milliseconds from the start of the process. */
async function instance(): Promise<void> {
  process.once('disconnect', () => process.exit(1)) // who started it has ended
  const pipeline = stream(events)
    .join(table(rows), ({ n }) => ({ n }))
    .to(results)
  await using log = kafkaLog({ brokers })
  const stores = storesOf(process.env)
  const { log: counted, count } = counting(log)
  let assignedMs = 0
  await using app = await run(pipeline, {
    application: name,
    log: counted,
    stores,
    signal: shutdownSignal(),
    onEvent: ({ type }) => {
      if (type === 'assigned') assignedMs = Date.now() - since
    },
  })
  await app.ready
  const readyMs = Date.now() - since
  console.log(
    JSON.stringify({
      rowsRead: count(),
      startMs: Math.round(readyMs),
      afterAssignmentMs: Math.round(readyMs - assignedMs),
    }),
  )
  await app.closed
  await stores[Symbol.asyncDispose]?.()
  process.removeAllListeners('disconnect').disconnect()
}

async function load(): Promise<void> {
  const admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).admin()
  await admin.connect()
  const numPartitions = Number(PARTITIONS)
  await admin.createTopics({
    waitForLeaders: true,
    topics: [
      { topic: events.name, numPartitions },
      { topic: results.name, numPartitions },
      { topic: rows.name, numPartitions, configEntries: [{ name: 'cleanup.policy', value: 'compact' }] },
    ],
  })
  await admin.disconnect()
  await using log = kafkaLog({ brokers })
  const filler = 'x'.repeat(Number(BYTES) - '{"text":""}'.length)
  for (let i = 0; i < Number(ROWS); i += CHUNK)
    await send(log, rows, ...Array.from({ length: CHUNK }, (_, j) => ({ key: `p-${i + j}`, value: { text: filler } })))
}

async function started(directory: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url)], {
    env: { ...process.env, NAME: name, STORE, STATE_DIR: directory, ROLE: 'instance' },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  const lines = createInterface({ input: child.stdout as Readable })
  const [line] = (await once(lines, 'line')) as [string]
  console.log(`  ready: ${line}`)
  return child
}

async function compare(): Promise<void> {
  await load()
  const directory = mkdtempSync(join(tmpdir(), 'joinery-restart-'))
  console.log(`${STORE}, ${ROWS} rows of ${BYTES} bytes; first start`)
  let child = await started(directory)
  for (const signal of ['SIGTERM', 'SIGKILL', 'SIGTERM', 'SIGKILL'] as const) {
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
    console.log(`after ${signal}`)
    child = await started(directory)
  }
  child.kill('SIGTERM')
  await once(child, 'exit')
  rmSync(directory, { recursive: true, force: true })
}

await (process.env.ROLE === 'instance' ? instance() : compare())
