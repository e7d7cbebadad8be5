// A service as a process of its own, as the demo starts it with --kafka: service A joins, service B calls.
import { type Duration, type Metrics, run, shutdownSignal } from '@joinery/core'
import { kafkaLog } from '@joinery/kafkajs'
import { activate, post } from './call-pipeline.js'
import { notifyWithin } from './pipeline.js'
import { topicsWithPrefix } from './topics.js'

/** What it is told at its start, as JSON. */
export interface ServiceOrder {
  readonly application: string
  readonly brokers: readonly string[]
  /** Of the topics. */
  readonly prefix: string
  readonly role:
    | { readonly service: 'a'; readonly atMost: Duration }
    | { readonly service: 'b'; readonly url: string; readonly timeout: Duration }
}

/** What it tells: that it runs, its figures when asked and at its end, and what stopped it. */
export type ServiceAnswer = { readonly ready: true } | { readonly metrics: Metrics } | { readonly failed: string }

/** The shortest that brokers allow by default: the demo does not want to wait long for a process that was killed. */
const SESSION_TIMEOUT_MS = 6_000

const tell = (answer: ServiceAnswer): Promise<void> =>
  new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve()
    else process.send(answer, undefined, undefined, () => resolve())
  })

async function serve({ application, brokers, prefix, role }: ServiceOrder): Promise<void> {
  const parentGone = new AbortController()
  process.once('disconnect', () => parentGone.abort())
  const topics = topicsWithPrefix(prefix)
  const pipeline =
    role.service === 'a' ? notifyWithin(role.atMost, topics) : activate(post(role.url), topics, role.timeout)
  await using log = kafkaLog({ brokers: [...brokers], sessionTimeoutMs: SESSION_TIMEOUT_MS })
  const signal = AbortSignal.any([shutdownSignal(), parentGone.signal])
  await using app = await run(pipeline, { application, log, signal })
  process.on('message', () => void tell({ metrics: app.metrics() }))
  app.ready.then(
    () => tell({ ready: true }),
    () => {}, // `closed` says why
  )
  await app.closed
  await tell({ metrics: app.metrics() })
}

try {
  await serve(JSON.parse(process.argv[2] ?? '') as ServiceOrder)
} catch (error) {
  await tell({ failed: error instanceof Error ? error.message : String(error) })
  process.exitCode = 1
}
if (process.connected) process.disconnect()
