import { describe, expect, it } from 'vitest'
import { json, stream, text, topic } from '../../../src/index.js'
import { testDriver } from '../../../src/testing.js'

const asked = topic('asked', { key: text(), value: json<number>() })
const results = topic('results', { key: text(), value: json<number>() })

/** A call whose every attempt is under way until the test answers it. */
function calling(mode: 'at-most-once' | 'at-least-once') {
  const answers: ((result: number) => void)[] = []
  const call = () => new Promise<number>((resolve) => answers.push(resolve))
  const calls = stream(asked).callOnce(call, { inDoubt: { deadLetter: 'in-doubt' }, timeout: '1s', mode })
  return { answers, calls, pipeline: calls.to(results) }
}

describe('two claims of one call that tell at once what became of them', () => {
  it('have one result: of a call that is repeated', async () => {
    const { answers, pipeline } = calling('at-least-once')
    await using driver = await testDriver(pipeline)
    await driver.produce(asked, { key: 'a', value: 1 })
    await driver.advance('3s')
    expect(answers.length).toBe(2)
    for (const answer of answers) answer(7)
    await driver.advance('1s')
    expect(driver.consume(results).length).toBe(1)
    expect(driver.metrics()).toMatchObject({ in: 1, emitted: 1, waiting: 0 })
  })

  it('have one result: of a call that somebody said was not sent', async () => {
    const { answers, calls, pipeline } = calling('at-most-once')
    await using driver = await testDriver(pipeline)
    await driver.produce(asked, { key: 'a', value: 1 })
    await driver.advance('2s')
    for await (const doubt of driver.inDoubtCalls(calls).list())
      await driver
        .inDoubtCalls(calls)
        .resolve(doubt, { outcome: 'not-sent', decidedBy: 'ops', reason: 'no trace of it', claimantHasEnded: true })
    await driver.advance('100ms')
    expect(answers.length).toBe(2)
    for (const answer of answers) answer(7)
    await driver.advance('1s')
    expect(driver.consume(results).length).toBe(1)
    expect(driver.metrics()).toMatchObject({ in: 1, emitted: 1, waiting: 0 })
  })
})
