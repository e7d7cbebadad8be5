// The program of the activation workload: the pipeline of the example with default options, configured by environment variables.
import { type Duration, json, run, shutdownSignal, stream, table, text, topic } from '@joinery/core'
import { kafkaLog } from '@joinery/kafkajs'
import { createTopics } from './create-topics.js'
import { storesOf } from './stores.js'

interface Activation {
  readonly activationId: string
  readonly productId: string
  readonly activatedAt: number | string
}

interface Notification extends Activation {
  readonly externalId: string
}

const env = (name: string): string => {
  const value = process.env[name]
  if (value === undefined) throw new Error(`set ${name}`)
  return value
}

const brokers = env('KAFKA_BROKERS').split(',')
const application = env('GROUP_ID')
const deadLetters = `${application}-dead`
const activations = topic(env('ACTIVATION_TOPIC'), { key: text(), value: json<Activation>() })
const information = topic(env('INFORMATION_TOPIC'), { key: text(), value: json<{ readonly externalId: string }>() })
const notifications = topic(env('OUT_TOPIC'), { key: text(), value: json<Notification>() })

await using log = kafkaLog({ brokers })
await createTopics(log, brokers, Number(process.env.PARTITIONS ?? 4), { [deadLetters]: 'delete' })

const notify = stream(activations, { onError: { deadLetter: deadLetters } })
  .join(
    table(information, { order: process.env.START === 'by-timestamp' ? 'by-timestamp' : 'table-first' }),
    ({ activationId, productId, activatedAt }, { externalId }) => ({
      activationId,
      productId,
      externalId,
      activatedAt,
    }),
    { wait: { atMost: '30m', otherwise: { deadLetter: deadLetters } } },
  )
  .to(notifications)

/** @param text a duration, or the shortest and the longest interval, such as `2ms..100ms` */
function commitInterval(text: string): Duration | { readonly min: Duration; readonly max: Duration } {
  const [min, max] = text.split('..') as [Duration, Duration | undefined]
  return max === undefined ? min : { min, max }
}

/** Prints each text once: there may be many tasks with the same problem. */
const reported = new Set<string>()
const report = (text: string): void => {
  if (!reported.has(text)) console.error(text)
  reported.add(text)
}

const stores = await storesOf(process.env)
await using app = await run(notify, {
  application,
  log,
  stores,
  ...(process.env.CACHE === 'off' && { cache: false as const }),
  ...(process.env.COMMIT_EVERY !== undefined && { commitEvery: commitInterval(process.env.COMMIT_EVERY) }),
  signal: shutdownSignal(),
  onEvent: (event) => {
    if (event.type === 'retrying') report(`retries after ${event.error.message}`)
    if (event.type === 'reopening') report(`reopens tasks: ${event.reason}`)
  },
})
app.ready.then(
  () => console.log('ready'),
  () => {}, // `closed` rejects too
)
await app.closed
await stores[Symbol.asyncDispose]?.()
console.log(JSON.stringify(app.metrics().pipelines))
