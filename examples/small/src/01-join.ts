// A join by key: a stream event is joined with the row that has its key. Events without a row are dropped, and counted.
import { consume, json, memoryLog, produce, run, stream, table, text, topic } from '@joinery/core'

const activations = topic('product-activation', { key: text(), value: json<{ productId: string }>() })
const information = topic('product-information', { key: text(), value: json<{ externalId: string }>() })
const notifications = topic('notifications', { key: text(), value: json<{ productId: string; externalId: string }>() })

const notify = stream(activations)
  .join(table(information), ({ productId }, { externalId }) => ({ productId, externalId }))
  .to(notifications)

await using log = memoryLog()
await produce(log, information, { key: 'p1', value: { externalId: 'x1' } })
await produce(
  log,
  activations,
  { key: 'p0', value: { productId: 'p0' } }, // has no row
  { key: 'p1', value: { productId: 'p1' } },
)

await using app = await run(notify, { application: 'service-a', log }) // reads the table first, then the stream
for await (const { key, value } of consume(log, notifications)) {
  console.log(key, value)
  break
}
await app.close()
const { emitted, dropped } = app.metrics().pipelines[notify.name] ?? {}
console.log(`emitted ${emitted}, dropped`, dropped)
