import { describe, expect, it } from 'vitest'
import { type Clock, json, memoryLog, stream, text, topic } from '../../src/index.js'
import type { Log } from '../../src/log.js'
import { type TestDriver, testDriver } from '../../src/testing.js'
import { information, notify } from './activation.js'

const LONG = 'x'.repeat(2_000)
const asked = topic('asked', { key: text(), value: text() })
const results = topic('results', { key: text(), value: json<number>() })

/** A log whose changelog accepts record batches of at most this many bytes. */
function withSmallChangelog(clock: Clock, maxMessageBytes: number): Log<'exactly-once'> {
  const log = memoryLog({ clock })
  const { tasks } = log
  return {
    ...log,
    tasks: {
      guarantees: tasks.guarantees,
      prepare: async (options) => ({ ...(await tasks.prepare(options)), maxMessageBytes }),
      open: (options) => tasks.open(options),
    },
  }
}

describe('what is too large for the changelog', () => {
  const row = {
    what: 'a row',
    pipeline: notify(),
    produce: (driver: TestDriver) => driver.produce(information, { key: 'k', value: { id: LONG } }),
  }
  const call = {
    what: 'a call',
    pipeline: stream(asked)
      .callOnce(async () => 1, { inDoubt: { deadLetter: 'in-doubt' } })
      .to(results),
    produce: (driver: TestDriver) => driver.produce(asked, { key: 'k', value: LONG }),
  }

  it.each([row, call])('is reported with the size that was compared: $what', async ({ what, pipeline, produce }) => {
    const sizeUnder = async (limit: number): Promise<number> => {
      // at a fixed time, because times take more or fewer bytes
      await using driver = await testDriver(pipeline, { now: 0, log: (clock) => withSmallChangelog(clock, limit) })
      const message = await produce(driver).then(String, ({ message }: Error) => message)
      const pattern = new RegExp(`${what} takes up to (\\d+) bytes, but test-changelog accepts only ${limit} `)
      return Number(pattern.exec(message)?.[1])
    }
    const size = await sizeUnder(1_000)
    expect(size).toBeGreaterThan(LONG.length)
    expect(await sizeUnder(size - 1)).toBe(size)
  })
})
