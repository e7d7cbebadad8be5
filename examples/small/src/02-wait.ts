// An event whose row is missing waits for it, even through a crash, and is emitted when the row arrives.
import { json, stream, table, text, topic } from '@joinery/core'
import { testDriver } from '@joinery/core/testing'

const activations = topic('product-activation', { key: text(), value: json<{ productId: string }>() })
const information = topic('product-information', { key: text(), value: json<{ externalId: string }>() })
const notifications = topic('notifications', { key: text(), value: json<{ productId: string; externalId: string }>() })

const notify = stream(activations)
  .join(table(information), ({ productId }, { externalId }) => ({ productId, externalId }), {
    wait: { atMost: '30m', otherwise: { deadLetter: 'product-activation.dead' } },
  })
  .to(notifications)

// the real runtime on an in-memory log: each step returns when everything that it caused is committed
await using driver = await testDriver(notify)
await driver.produce(activations, { key: 'p1', value: { productId: 'p1' } })
console.log('waiting', driver.metrics().waiting)

await driver.restart('crash') // nothing is committed on the way out
console.log('waiting after the crash', driver.metrics().waiting)

await driver.produce(information, { key: 'p1', value: { externalId: 'x1' } })
for (const { key, value } of driver.consume(notifications)) console.log(key, value)
console.log('waiting', driver.metrics().waiting)
