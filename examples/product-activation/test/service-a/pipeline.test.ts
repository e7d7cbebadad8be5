import { bytes, topic } from '@joinery/core'
import { testDriver } from '@joinery/core/testing'
import { describe, expect, it } from 'vitest'
import { notify } from '../../src/service-a/pipeline.js'
import { deadActivations, notifications, productActivation, productInformation } from '../../src/topics.js'

const activation = (productId: string, number = 1) => ({
  key: productId,
  value: { activationId: `${productId}/${number}`, productId },
})
const information = (productId: string) => ({ key: productId, value: { externalId: `external of ${productId}` } })

describe('service A', () => {
  it('notifies at once when the information is there', async () => {
    await using driver = await testDriver(notify)
    await driver.produce(productInformation, information('p1'))
    await driver.produce(productActivation, activation('p1'))
    expect(driver.consume(notifications)).toMatchObject([
      { key: 'p1', value: { activationId: 'p1/1', productId: 'p1', externalId: 'external of p1' } },
    ])
  })

  it('keeps an activation until its information arrives, through a crash', async () => {
    await using driver = await testDriver(notify)
    await driver.produce(productActivation, activation('p1'), activation('p2'))
    await driver.restart('crash')
    await driver.produce(productInformation, information('p1'))
    expect(driver.consume(notifications).map(({ value }) => value?.activationId)).toEqual(['p1/1'])
    expect(driver.metrics()).toMatchObject({ in: 2, emitted: 1, waiting: 1 })
  })

  it('takes the latest information', async () => {
    await using driver = await testDriver(notify)
    await driver.produce(productInformation, information('p1'), { key: 'p1', value: { externalId: 'a newer id' } })
    await driver.produce(productActivation, activation('p1'))
    expect(driver.consume(notifications).map(({ value }) => value?.externalId)).toEqual(['a newer id'])
  })

  it('dead-letters an activation after 30 minutes, even if it is restarted in between', async () => {
    await using driver = await testDriver(notify)
    await driver.produce(productActivation, activation('p1'))
    await driver.advance('20m')
    await driver.restart('crash')
    await driver.advance('9m')
    expect(driver.consumeDeadLetters(deadActivations)).toEqual([])
    await driver.advance('1m')
    expect(driver.consumeDeadLetters(deadActivations)).toMatchObject([
      {
        ...activation('p1'),
        info: {
          reason: 'no-row',
          table: 'product-information',
          ageMs: 1_800_000,
          origin: { topic: 'product-activation' },
        },
      },
    ])
    await driver.produce(productInformation, information('p1'))
    expect(driver.consume(notifications)).toEqual([])
  })

  it('dead-letters a record that is not an activation with its original bytes, and continues', async () => {
    const raw = topic(productActivation.name, { key: bytes(), value: bytes() })
    const key = Buffer.from('p1')
    const value = Buffer.from('{"activationId": ')
    await using driver = await testDriver(notify)
    await driver.produce(productInformation, information('p1'))
    await driver.produce(raw, { key, value })
    await driver.produce(productActivation, activation('p1'))
    const [letter, ...more] = driver.consumeDeadLetters(raw.named(deadActivations.name))
    expect(letter?.info.reason).toBe('undecodable')
    expect(Buffer.from(letter?.key ?? [])).toEqual(key)
    expect(Buffer.from(letter?.value ?? [])).toEqual(value)
    expect(more).toEqual([])
    expect(driver.consume(notifications).map(({ value }) => value?.activationId)).toEqual(['p1/1'])
  })

  it('keeps the order of each product, while others pass', async () => {
    await using driver = await testDriver(notify, { partitions: 4 })
    await driver.produce(productInformation, information('p2'))
    await driver.produce(
      productActivation,
      activation('p1', 1),
      activation('p2', 1),
      activation('p1', 2),
      activation('p2', 2),
      activation('p1', 3),
    )
    expect(driver.consume(notifications).map(({ value }) => value?.activationId)).toEqual(['p2/1', 'p2/2'])
    await driver.produce(productInformation, information('p1'))
    await driver.produce(productActivation, activation('p1', 4))
    expect(driver.consume(notifications).map(({ value }) => value?.activationId)).toEqual([
      'p1/1',
      'p1/2',
      'p1/3',
      'p1/4',
    ])
  })
})
