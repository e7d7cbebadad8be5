import { afterEach, describe, expect, it, vi } from 'vitest'
import { json, stream, table, text, topic } from '../../../src/index.js'
import { testDriver } from '../../../src/testing.js'

const serdes = { key: text(), value: json<{ id: string }>() }
const [events, rows, out] = [topic('events', serdes), topic('rows', serdes), topic('out', serdes)]
const dead = events.named('dead')
const pipeline = stream(events)
  .join(table(rows), (event, row) => ({ ...event, ...row }), {
    wait: { atMost: '30m', otherwise: { deadLetter: dead.name } },
  })
  .to(out)

const TIMERS = ['setTimeout', 'setInterval', 'setImmediate', 'Date', 'performance', 'hrtime', 'queueMicrotask'] as const

describe('the test driver under fake timers', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  it.each([
    ['the default ones', undefined],
    ...TIMERS.map((name) => [`only ${name}`, [name]] as const),
    ['all', [...TIMERS]],
  ] as const)('runs without the test advancing them: %s', async (_, toFake) => {
    vi.useFakeTimers({ now: 1_000, ...(toFake !== undefined && { toFake: [...toFake] }) })
    await using driver = await testDriver(pipeline)
    await driver.produce(events, { key: 'k', value: { id: 'e' } }, { key: 'l', value: { id: 'e' } })
    await driver.produce(rows, { key: 'k', value: { id: 'r' } })
    await driver.restart('crash')
    await driver.advance('30m')
    expect(driver.consume(out)).toMatchObject([{ key: 'k', value: { id: 'r' } }])
    expect(driver.consumeDeadLetters(dead)).toMatchObject([{ key: 'l' }])
  })
})
