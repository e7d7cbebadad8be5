// A service as a child process of the demo with --kafka. It sends its metrics to the demo, which a service in production
// does not do: copy service-a/main.ts and service-b/main.ts instead.
import { run, shutdownSignal } from '@joinery/core'
import { kafkaLog } from '@joinery/kafkajs'
import { activateWithin, notifyWithin } from './demo-pipelines.js'
import { topicsWithPrefix } from './demo-topics.js'
import type { ServiceOrder, ServiceReport } from './service-messages.js'

/** The minimum that brokers allow by default, so that the demo does not wait long for a process that was killed. */
const SESSION_TIMEOUT = '6s'

const send = (report: ServiceReport): Promise<void> =>
  new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve()
    else process.send(report, undefined, undefined, () => resolve())
  })

async function serve({ application, brokers, prefix, role }: ServiceOrder): Promise<void> {
  const parentGone = new AbortController()
  process.once('disconnect', () => parentGone.abort())
  const topics = topicsWithPrefix(prefix)
  const pipeline =
    role.service === 'a' ? notifyWithin(role.atMost, topics) : activateWithin(role.timeout, role.url, topics)
  await using log = kafkaLog({ brokers: [...brokers], sessionTimeout: SESSION_TIMEOUT })
  const signal = AbortSignal.any([shutdownSignal(), parentGone.signal])
  await using app = await run(pipeline, { application, log, signal })
  process.on('message', () => void send({ metrics: app.metrics() }))
  app.ready.then(
    () => send({ ready: true }),
    () => {}, // `closed` rejects with the same error
  )
  await app.closed
  await send({ metrics: app.metrics() })
}

try {
  await serve(JSON.parse(process.argv[2] ?? '') as ServiceOrder)
} catch (error) {
  await send({ failed: error instanceof Error ? error.message : String(error) })
  process.exitCode = 1
}
if (process.connected) process.disconnect()
