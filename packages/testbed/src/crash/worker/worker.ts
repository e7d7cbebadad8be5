// The service in a separate process. It runs until SIGTERM or until its parent ends, and reports its status on stdout as lines of
// JSON. The harness bundles it with failpoints.
import { createInterface } from 'node:readline'
import { type App, type AppEvent, run } from '@joinery/core'
import { kafkaLog } from '@joinery/kafkajs'
import { service } from '../service.js'
import type { WorkerLine, WorkerOptions } from './worker-lines.js'
import { openStores } from './worker-stores.js'

const REPORT_MS = 100
/** A process without work ends by itself long before this. */
const KEPT_ALIVE_MS = 5_000
const PROTOTYPE = Object.getOwnPropertyNames(Object.prototype).join()

/** Writes bytes as text, because the harness searches the output for planted secrets. */
const bytesAsText = (_: string, value: unknown): unknown => {
  const bytes = (value as { readonly type?: string; readonly data?: number[] } | null)?.data
  return Array.isArray(bytes) ? Buffer.from(bytes).toString('latin1') : value
}

const writeLine = (line: WorkerLine): void => {
  process.stdout.write(`${JSON.stringify(line, bytesAsText)}\n`)
}

/** @returns an event without the records' bytes. JoineryError promises not to contain any, which the harness verifies. */
function loggable(event: AppEvent): Record<string, unknown> {
  if (!('error' in event) || event.error === undefined) return { ...event }
  const { code, message } = event.error
  return { ...event, error: { code, message, cause: String(event.error.cause) } }
}

async function main(): Promise<void> {
  const {
    id,
    name,
    brokers,
    commitEvery,
    stores: at,
    requestTimeoutMs,
    sessionTimeoutMs,
    heartbeatIntervalMs,
  } = JSON.parse(process.env.WORKER ?? '{}') as WorkerOptions
  const { application, pipelines, tables } = service(id)
  await using log = kafkaLog({
    brokers: [...brokers],
    clientId: name,
    sessionTimeout: sessionTimeoutMs,
    ...(heartbeatIntervalMs !== undefined && { heartbeatInterval: heartbeatIntervalMs }),
    ...(requestTimeoutMs !== undefined && { requestTimeout: requestTimeoutMs }),
    onRetry: ({ code, message }) => writeLine({ retried: { code, message } }),
  })
  await using stores = openStores(at)
  const stop = new AbortController()
  process.once('SIGTERM', () => stop.abort())
  const app = await run(pipelines, {
    application,
    log,
    signal: stop.signal,
    ...(stores !== undefined && { stores }),
    ...(commitEvery !== undefined && { commitEvery }),
    onEvent: (event) => writeLine({ event: loggable(event) }),
  })
  const reporting = setInterval(() => report(app), REPORT_MS)
  createInterface(process.stdin).on('line', async (line) => {
    if (line !== 'tables') return
    const rows: Record<string, Record<string, number>> = {}
    for (const table of tables) {
      const found: Record<string, number> = {}
      for await (const [key, { version }] of app.query(table).entries()) found[key] = version
      rows[table.topic.name] = found
    }
    writeLine({ tables: rows })
  })
  try {
    await app.closed
    report(app)
  } finally {
    clearInterval(reporting)
  }
  if (Object.getOwnPropertyNames(Object.prototype).join() !== PROTOTYPE) throw new Error('Object.prototype was changed')
}

function report(app: App): void {
  const { pipelines, gauges, tasks } = app.metrics()
  const [some = {}] = Object.values(tasks)
  const { state, problems } = app.health()
  writeLine({
    report: {
      state,
      problems,
      tasks: Object.keys(some).map(Number),
      pipelines,
      gauges,
      rss: process.memoryUsage.rss(),
    },
  })
}

process.stdin.on('end', () => process.exit(2)) // the parent has ended
process.on('unhandledRejection', (error) => {
  process.stderr.write(`unhandled rejection: ${String((error as Error).stack ?? error)}\n`)
  process.exit(3)
})
main().then(
  () => {
    process.stdin.destroy()
    setTimeout(() => {
      process.stderr.write(`kept alive by ${process.getActiveResourcesInfo().join()}
      `)
    }, KEPT_ALIVE_MS).unref()
  },
  (error: unknown) => {
    process.stderr.write(`${String((error as Error).stack ?? error)}\n`)
    process.exit(1)
  },
)
