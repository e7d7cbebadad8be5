// The join alone, without a log: records go in, effects come out. For use in your own consumer.
import { json, type LogRecord, stream, table, text, topic } from '@joinery/core'
import { openOperator } from '@joinery/core/operator'

const activations = topic('product-activation', { key: text(), value: json<{ productId: string }>() })
const information = topic('product-information', { key: text(), value: json<{ externalId: string }>() })
const notifications = topic('notifications', { key: text(), value: json<{ productId: string; externalId: string }>() })

const notify = stream(activations)
  .join(table(information), ({ productId }, { externalId }) => ({ productId, externalId }), {
    wait: { atMost: '30m', otherwise: { deadLetter: 'product-activation.dead' } },
  })
  .to(notifications)

const record = (topic: string, value: object): LogRecord => {
  const [key, bytes] = [Buffer.from('p1'), Buffer.from(JSON.stringify(value))]
  return { topic, partition: 0, offset: 0, key, value: bytes, timestamp: 0, headers: [] }
}

await using operator = await openOperator(notify, { application: 'service-a', partition: 0 })
const first = await operator.process([record('product-activation', { productId: 'p1' })])
console.log('outputs', first.outputs.length)
await first.commit() // write the outputs first; docs/operator.md lists your responsibilities

const second = await operator.process([record('product-information', { externalId: 'x1' })])
for (const { topic, value } of second.outputs) console.log(topic, Buffer.from(value ?? []).toString())
await second.commit()
console.log('read on at', operator.positions)
