import { expect, it } from 'vitest'
import { json, stream, text, topic } from '../../../src/index.js'
import { testDriver } from '../../../src/testing.js'

const asked = topic('asked', { key: text(), value: json<number>() })
const refuses = () => {
  throw new Error('nobody looks at me')
}

it.each([
  ['nothing that has a text', () => Object.create(null)],
  ['an error whose message is no text', () => Object.assign(new Error(), { message: { code: 7 } })],
  ['an error that does not let itself be looked at', () => new Proxy(new Error(), { get: refuses, has: refuses })],
])('a call that throws %s is in doubt', async (_, make) => {
  const pipeline = stream(asked).callOnce(
    async () => {
      throw make()
    },
    { inDoubt: { deadLetter: 'in-doubt' } },
  )
  await using driver = await testDriver(pipeline)
  await driver.produce(asked, { key: 'a', value: 1 })
  await driver.advance('1s')
  expect(driver.metrics()).toMatchObject({ in: 1, inDoubt: 1 })
  const doubts = []
  for await (const { reason } of driver.inDoubtCalls(pipeline).list()) doubts.push(reason)
  expect(doubts).toEqual([expect.any(String)])
})
