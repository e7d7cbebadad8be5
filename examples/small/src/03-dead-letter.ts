// An event whose row never arrives is dead-lettered at its deadline; one that cannot be decoded, at once.
import { bytes, json, stream, table, text, topic } from '@joinery/core'
import { testDriver } from '@joinery/core/testing'

const activations = topic('product-activation', { key: text(), value: json<{ productId: string }>() })
const information = topic('product-information', { key: text(), value: json<{ externalId: string }>() })
const notifications = topic('notifications', { key: text(), value: json<{ productId: string; externalId: string }>() })
const deadLetter = 'product-activation.dead'

const notify = stream(activations, { onError: { deadLetter } })
  .join(table(information), ({ productId }, { externalId }) => ({ productId, externalId }), {
    wait: { atMost: '30m', otherwise: { deadLetter } },
  })
  .to(notifications)

await using driver = await testDriver(notify)
await driver.produce(activations, { key: 'p1', value: { productId: 'p1' } })
await driver.advance('30m') // moves the driver's clock
const [expired] = driver.consumeDeadLetters(activations.named(deadLetter)) // the same serdes read the original back
console.log(expired?.value, expired?.info.reason, expired?.info.table, expired?.info.ageMs)

const raw = topic('product-activation', { key: bytes(), value: bytes() })
await driver.produce(raw, { key: Buffer.from('p2'), value: Buffer.from('{"productId":') })
const [invalid] = driver.consumeDeadLetters(raw.named(deadLetter))
console.log(Buffer.from(invalid?.value ?? []).toString(), invalid?.info.reason)
