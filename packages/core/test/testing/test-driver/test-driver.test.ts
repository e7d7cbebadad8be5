import { describe, expect, it } from 'vitest'
import { bytes, json, stream, table, text, topic } from '../../../src/index.js'
import { testDriver } from '../../../src/testing.js'

interface Activation {
  readonly productId: string
}
const activations = topic('activation', { key: text(), value: json<Activation>() })
const productInformation = topic('information', { key: text(), value: json<{ externalId: string }>() })
const notifications = topic('notifications', { key: text(), value: json<{ productId: string; externalId: string }>() })
const dead = activations.named('activation.dead')
const raw = topic('activation', { key: bytes(), value: bytes() })

const information = table(productInformation)
const notify = stream(activations, { onError: { deadLetter: dead.name } })
  .join(information, ({ productId }, { externalId }) => ({ productId, externalId }), {
    wait: { atMost: '30m', otherwise: { deadLetter: dead.name } },
  })
  .to(notifications)

describe('the test driver', () => {
  it('runs an activation that waits for its row across a crash, and one whose row never arrives', async () => {
    await using driver = await testDriver(notify)
    await driver.produce(
      activations,
      { key: 'p1', value: { productId: 'p1' } },
      { key: 'p2', value: { productId: 'p2' } },
    )
    expect(driver.consume(notifications)).toEqual([])
    expect(driver.metrics()).toMatchObject({ in: 2, waiting: 2 })
    await driver.restart('crash')
    await driver.produce(productInformation, { key: 'p1', value: { externalId: 'x1' } })
    expect(driver.consume(notifications).map(({ value }) => value)).toEqual([{ productId: 'p1', externalId: 'x1' }])
    await driver.advance('29m')
    expect(driver.consumeDeadLetters(dead)).toEqual([])
    await driver.advance('1m')
    const [letter] = driver.consumeDeadLetters(dead)
    expect(letter).toMatchObject({
      key: 'p2',
      value: { productId: 'p2' },
      info: { reason: 'no-row', ageMs: 1_800_000 },
    })
    expect(driver.metrics()).toMatchObject({ in: 2, emitted: 1, waiting: 0, deadLettered: { 'no-row': 1 } })
    expect(await driver.query(information).get('p1')).toEqual({ externalId: 'x1' })
    expect(await driver.query(information).get('p2')).toBeUndefined()
  })

  it('keeps partitions separate, and finds keys in their partition', async () => {
    await using driver = await testDriver(notify, { partitions: 4 })
    const keys = Array.from({ length: 20 }, (_, i) => `p${i}`)
    await driver.produce(activations, ...keys.map((key) => ({ key, value: { productId: key } })))
    await driver.restart('clean')
    await driver.produce(productInformation, ...keys.map((key) => ({ key, value: { externalId: `x-${key}` } })))
    expect(
      driver
        .consume(notifications)
        .map(({ value }) => value?.externalId)
        .sort(),
    ).toEqual(keys.map((key) => `x-${key}`).sort())
    expect(await driver.query(information).get('p7')).toEqual({ externalId: 'x-p7' })
    expect(driver.metrics()).toMatchObject({ in: 20, emitted: 20, waiting: 0 })
  })

  it('throws the error that stopped the application, again after a restart', async () => {
    const halting = stream(activations)
      .join(information, (a, row) => ({ ...a, ...row }))
      .to(notifications)
    await using driver = await testDriver(halting)
    await expect(driver.produce(raw, { key: Buffer.from('p1'), value: Buffer.from('{') })).rejects.toMatchObject({
      code: 'DECODE_FAILED',
      topic: 'activation',
      offset: 0,
    })
    expect(driver.health()).toMatchObject({ live: false, state: 'failed' })
    await expect(driver.restart('clean')).rejects.toMatchObject({ code: 'DECODE_FAILED', offset: 0 })
  })

  it('lists the known topics when it gets an unknown one', async () => {
    await using driver = await testDriver(notify)
    await expect(driver.produce(notifications, { key: 'p', value: null })).rejects.toMatchObject({
      code: 'OPTION_INVALID',
    })
    expect(() => driver.consume(activations)).toThrow(/notifications, activation.dead/)
  })
})

describe('the test driver with a table that reaches its bound', () => {
  const bounded = stream(activations)
    .join(table(productInformation, { maxBytes: 30 }), ({ productId }, { externalId }) => ({ productId, externalId }))
    .to(notifications)
  const row = (key: string, externalId: string) => ({ key, value: { externalId } })

  it('shows that the task waits, also after a restart', async () => {
    await using driver = await testDriver(bounded)
    // 2 bytes of the key, and 18 of the value
    await driver.produce(productInformation, row('p1', '1'), row('p2', '2'))
    await driver.produce(activations, { key: 'p2', value: { productId: 'p2' } })
    for (const how of ['clean', 'crash'] as const) {
      expect(driver.metrics()).toMatchObject({ in: 0 })
      expect(driver.health().problems).toEqual([expect.stringContaining('table information[0] is paused')])
      await driver.restart(how)
    }
  })

  it('continues where the next records fit', async () => {
    await using driver = await testDriver(bounded)
    await driver.produce(productInformation, row('p1', '1'), row('p1', '11'))
    await driver.produce(productInformation, { key: 'p1', value: null }, row('p2', '2'))
    await driver.produce(activations, { key: 'p2', value: { productId: 'p2' } })
    expect(driver.consume(notifications).map(({ key }) => key)).toEqual(['p2'])
    expect(driver.health().problems).toEqual([])
  })
})
