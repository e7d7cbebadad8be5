import { inDoubtInfo } from '@joinery/core'
import { type TestDriver, testDriver } from '@joinery/core/testing'
import { describe, expect, it } from 'vitest'
import { type ActivateProduct, activate, activationCalls } from '../../src/service-b/pipeline.js'
import { activated, inDoubt, notifications } from '../../src/topics.js'

const notification = (productId: string, number = 1) => ({
  key: productId,
  value: { activationId: `${productId}/${number}`, productId, externalId: 'x' },
  headers: [['joinery-origin', Buffer.from(`service-a/product-activation/0/${number}`)]] as const,
})
/** A service that keeps its requests, and responds with the given status. */
function service(respond: (request: number) => Promise<number> = async () => 204) {
  const requests: string[] = []
  const send: ActivateProduct = async ({ activationId }) => ({
    activationId,
    status: await respond(requests.push(activationId)),
  })
  return { requests, send }
}
const never = () => new Promise<never>(() => {})
const results = (driver: TestDriver) => driver.consume(activated).map(({ value }) => value)
const callInDoubt = async (driver: TestDriver, send: ActivateProduct) => {
  for await (const call of driver.inDoubtCalls(activationCalls(send)).list()) return call
  throw new Error('nothing is in doubt')
}
const decision = { decidedBy: 'a person', reason: 'checked the log of the service' }

describe('service B', () => {
  it('calls once for each activation, and writes the result', async () => {
    const { requests, send } = service()
    await using driver = await testDriver(activate(send))
    await driver.produce(notifications, notification('p1'), notification('p2', 2))
    expect(requests.sort()).toEqual(['p1/1', 'p2/2'])
    expect(results(driver)).toEqual(
      expect.arrayContaining([
        { activationId: 'p1/1', status: 204 },
        { activationId: 'p2/2', status: 204 },
      ]),
    )
  })

  it('does not call again for a duplicate of a notification, nor after a crash', async () => {
    const { requests, send } = service()
    await using driver = await testDriver(activate(send))
    await driver.produce(notifications, notification('p1'), notification('p1'))
    await driver.restart('crash')
    await driver.produce(notifications, notification('p1'))
    expect(requests).toEqual(['p1/1'])
    expect(driver.metrics()).toMatchObject({ in: 3, emitted: 1, dropped: { duplicate: 2 } })
  })

  it('treats a 503 as a result: the call was made', async () => {
    const { requests, send } = service(async () => 503)
    await using driver = await testDriver(activate(send))
    await driver.produce(notifications, notification('p1'))
    await driver.advance('1h')
    expect(results(driver)).toEqual([{ activationId: 'p1/1', status: 503 }])
    expect(requests).toHaveLength(1)
  })

  it('reports a call that a crash interrupted as in doubt, and writes the result that a person found', async () => {
    const { requests, send } = service(never)
    await using driver = await testDriver(activate(send))
    await driver.produce(notifications, notification('p1'))
    await driver.restart('crash')
    await driver.advance('15s')
    const [reported] = driver.consume(inDoubt)
    expect(reported).toMatchObject({ key: 'p1', value: { activationId: 'p1/1' } })
    expect(inDoubtInfo(reported?.headers ?? [])).toMatchObject({
      id: 'service-a/product-activation/0/1',
      claimantFinished: false,
    })
    const result = { activationId: 'p1/1', status: 204 }
    const call = await callInDoubt(driver, send)
    await driver.inDoubtCalls(activationCalls(send)).resolve(call, { ...decision, outcome: 'done', result })
    await driver.advance('1s')
    expect(results(driver)).toEqual([result])
    expect(requests).toHaveLength(1)
  })

  it('calls again only when a person confirms that nothing was sent and that the process has ended', async () => {
    const { requests, send } = service((request) => (request === 1 ? never() : Promise.resolve(204)))
    await using driver = await testDriver(activate(send))
    await driver.produce(notifications, notification('p1'))
    await driver.restart('crash')
    await driver.advance('15s')
    const call = await callInDoubt(driver, send)
    const calls = driver.inDoubtCalls(activationCalls(send))
    await expect(calls.resolve(call, { ...decision, outcome: 'not-sent' })).rejects.toMatchObject({
      code: 'CALL_UNDECIDABLE',
    })
    await calls.resolve(call, { ...decision, outcome: 'not-sent', claimantHasEnded: true })
    await driver.advance('1s')
    expect(results(driver)).toEqual([{ activationId: 'p1/1', status: 204 }])
    expect(requests).toEqual(['p1/1', 'p1/1'])
  })
})
