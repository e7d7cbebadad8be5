import { describe, expect, it } from 'vitest'
import { type Call, inDoubtInfo, json, notSent, recordOrigin, stream, text, topic } from '../../../src/index.js'
import { testDriver } from '../../../src/testing.js'

const notifications = topic('notifications', { key: text(), value: json<{ n: number }>() })
const results = topic('results', { key: text(), value: json<{ status: number }>() })
const inDoubt = 'in-doubt'

/** A service that answers as told, and counts. */
function service(answer: (n: number, call: Call<string | null>) => Promise<{ status: number }>) {
  const requests: { n: number; id: string; attempt: number }[] = []
  const activate = stream(notifications, { name: 'activate' }).callOnce(
    async ({ n }, call) => {
      requests.push({ n, id: call.id, attempt: call.attempt })
      return answer(n, call)
    },
    { inDoubt: { deadLetter: inDoubt }, timeout: '10s' },
  )
  return { requests, activate }
}
const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}
const send = (n: number, key = `p${n}`) => ({ key, value: { n } })

describe('a call', () => {
  it('is made once, and its result written with the key, time and origin of its record', async () => {
    const { requests, activate } = service(async () => ({ status: 201 }))
    await using driver = await testDriver(activate.to(results), { now: 1_000 })
    await driver.produce(notifications, { ...send(1), timestamp: 77 })
    expect(requests).toEqual([{ n: 1, id: 'notifications/0/0', attempt: 1 }])
    const [result] = driver.consume(results)
    expect(result).toMatchObject({ key: 'p1', value: { status: 201 }, timestamp: 77 })
    expect(recordOrigin(result?.headers ?? [])).toMatchObject({
      application: 'test',
      topic: 'notifications',
      offset: 0,
    })
    expect(driver.metrics()).toMatchObject({ in: 1, emitted: 1, waiting: 0 })
  })

  it('is not made again after a crash', async () => {
    const { requests, activate } = service(async () => ({ status: 200 }))
    await using driver = await testDriver(activate.to(results))
    await driver.produce(notifications, send(1), send(2))
    await driver.restart('crash')
    await driver.advance('1h')
    expect(requests).toHaveLength(2)
    expect(driver.consume(results)).toHaveLength(2)
    expect(driver.metrics()).toMatchObject({ in: 2, emitted: 2 })
  })

  it('that was running in a crash is in doubt once its time and the grace are over, and not before', async () => {
    const { requests, activate } = service(() => new Promise(() => {}))
    await using driver = await testDriver(activate.to(results), { now: 0 })
    await driver.produce(notifications, send(1))
    await driver.restart('crash')
    await driver.advance('14s')
    expect(driver.consume(notifications.named(inDoubt))).toEqual([])
    await driver.advance('1s')
    const [doubt] = driver.consume(notifications.named(inDoubt))
    expect(doubt).toMatchObject({ key: 'p1', value: { n: 1 } })
    expect(inDoubtInfo(doubt?.headers ?? [])).toMatchObject({ id: 'notifications/0/0', finished: false })
    expect(requests).toHaveLength(1)
    expect(driver.metrics()).toMatchObject({ in: 1, emitted: 0, waiting: 1, inDoubt: 1 })
  })

  it('that throws is in doubt at once, and finished', async () => {
    const { requests, activate } = service(async () => {
      throw new Error('connection reset')
    })
    await using driver = await testDriver(activate.to(results))
    await driver.produce(notifications, send(1))
    const [doubt] = driver.consumeDeadLetters(notifications.named(inDoubt))
    expect(doubt?.info).toMatchObject({ reason: 'in-doubt', message: 'connection reset' })
    expect(inDoubtInfo(doubt?.headers ?? [])).toMatchObject({ finished: true })
    await driver.advance('1h')
    expect(requests).toHaveLength(1)
  })

  it('that was not sent is made again, by a new claim', async () => {
    const { requests, activate } = service(async (_, { attempt }) => {
      if (attempt < 3) throw notSent(new Error('refused'))
      return { status: 200 }
    })
    await using driver = await testDriver(activate.to(results))
    await driver.produce(notifications, send(1))
    await driver.advance('10s')
    expect(requests.map(({ attempt }) => attempt)).toEqual([1, 2, 3])
    expect(driver.consume(results)).toHaveLength(1)
  })
})

describe('a decision', () => {
  it('of not-sent is refused while the claimant may still send', async () => {
    const { activate } = service(() => new Promise(() => {}))
    await using driver = await testDriver(activate.to(results))
    await driver.produce(notifications, send(1))
    await driver.restart('crash')
    await driver.advance('15s')
    const calls = driver.inDoubtCalls(activate)
    const [doubt] = await all(calls.list())
    if (doubt === undefined) throw new Error('nothing is in doubt')
    await expect(
      calls.resolve(doubt, { outcome: 'not-sent', decidedBy: 'op', reason: 'no trace' }),
    ).rejects.toMatchObject({
      code: 'CALL_UNDECIDABLE',
    })
  })

  it.each([
    ['done', { outcome: 'done', result: { status: 202 } }, { emitted: 1 }, 1],
    ['abandoned', { outcome: 'abandoned' }, { dropped: { abandoned: 1 } }, 1],
    ['not-sent', { outcome: 'not-sent', claimantHasEnded: true }, { emitted: 1 }, 2],
  ] as const)('of %s settles the call', async (_, decision, totals, requestsMade) => {
    const { requests, activate } = service(async (_n, { attempt }) => {
      if (attempt === 1) await new Promise(() => {})
      return { status: 202 }
    })
    await using driver = await testDriver(activate.to(results))
    await driver.produce(notifications, send(1))
    await driver.restart('crash')
    await driver.advance('15s')
    const calls = driver.inDoubtCalls(activate)
    for await (const doubt of calls.list())
      await calls.resolve(doubt, { ...decision, decidedBy: 'op', reason: 'asked them' })
    await driver.advance('1s')
    expect(driver.metrics()).toMatchObject({ in: 1, waiting: 0, ...totals })
    expect(requests).toHaveLength(requestsMade)
    expect(await all(calls.list())).toEqual([])
  })
})

describe('a number beyond 2^53 in the record of a call', () => {
  const [id, card] = ['9007199254740993', '1234567890123456789']
  const raw = topic('payments', { key: text(), value: text() })

  /** @returns what the service was sent */
  async function sent(bigints: boolean) {
    interface Payment {
      readonly id: bigint
      readonly card: bigint
    }
    const payments = json<Payment>({ bigints })
    const requests: string[] = []
    const pipeline = stream(topic('payments', { key: text(), value: payments }), { onError: { deadLetter: 'dead' } })
      .callOnce(
        async (payment) => {
          requests.push(`/payments/${payment.id} ${Buffer.from(payments.encode(payment))}`)
          return { status: 200 }
        },
        { inDoubt: { deadLetter: inDoubt } },
      )
      .to(results)
    await using driver = await testDriver(pipeline)
    await driver.produce(raw, { key: 'p', value: `{"id":${id},"card":${card}}` })
    return { requests, dead: driver.consumeDeadLetters(raw.named('dead')) }
  }

  it('is sent with every digit, if it is decoded to bigint', async () => {
    const { requests, dead } = await sent(true)
    expect(requests).toEqual([`/payments/${id} {"id":${id},"card":${card}}`])
    expect(dead).toEqual([])
  })

  it('is refused before a request is made, if it would lose digits', async () => {
    const { requests, dead } = await sent(false)
    expect(requests).toEqual([])
    expect(dead).toMatchObject([{ info: { reason: 'undecodable', message: expect.stringContaining('beyond 2^53') } }])
  })
})
