import { expect, it } from 'vitest'
import { json, stream, text, topic } from '../../src/index.js'
import { testDriver } from '../../src/testing.js'

const orders = topic('orders', { key: text(), value: json<{ n: number }>() })

it('the oldest wait counts every open call: claimed, in doubt, and waiting for its claim', async () => {
  const settle: ((result: number) => void)[] = []
  const pipeline = stream(orders).callOnce(() => new Promise<number>((resolve) => settle.push(resolve)), {
    inDoubt: { deadLetter: 'in-doubt' },
    timeout: '10s',
    whenInDoubt: 'block',
  })
  await using driver = await testDriver(pipeline)
  const waits = () => {
    const { waiting, oldestWaitMs } = driver.metrics()
    return [waiting, oldestWaitMs]
  }
  expect(waits()).toEqual([0, 0])
  await driver.produce(orders, { key: 'a', value: { n: 1 } })
  await driver.advance('5s')
  expect(waits()).toEqual([1, 5_000]) // claimed
  await driver.produce(orders, { key: 'a', value: { n: 2 } })
  await driver.advance('55s')
  expect(waits()).toEqual([2, 60_000]) // in doubt, and waiting behind it
  await driver.restart('crash')
  expect(waits()[0]).toBe(2)
  expect(waits()[1]).toBeGreaterThanOrEqual(60_000)
  const calls = driver.inDoubtCalls(pipeline)
  for await (const call of calls.list())
    await calls.resolve(call, { outcome: 'abandoned', decidedBy: 'a', reason: 'b', claimantHasEnded: true })
  await driver.advance('0ms')
  settle.at(-1)?.(0)
  await driver.advance('0ms')
  expect(waits()).toEqual([0, 0])
})
