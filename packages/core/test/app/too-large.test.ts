import { describe, expect, it } from 'vitest'
import { produce } from '../../src/app/produce.js'
import { json, memoryLog, run, stream, text, topic } from '../../src/index.js'
import type { Log } from '../../src/log.js'
import { information, notify } from './activation.js'

const LONG = 'x'.repeat(2_000)
const results = topic('results', { key: text(), value: json<number>() })

/** A log whose changelog accepts record batches of at most this many bytes. */
function withSmallChangelog(maxMessageBytes: number): Log<'exactly-once'> {
  const log = memoryLog()
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
    add: (log: Log) => produce(log, information, { key: 'k', value: { id: LONG } }),
  }
  const call = {
    what: 'a call',
    pipeline: stream(topic('asked', { key: text(), value: text() }))
      .callOnce(async () => 1, { inDoubt: { deadLetter: 'in-doubt' } })
      .to(results),
    add: (log: Log) => produce(log, topic('asked', { key: text(), value: text() }), { key: 'k', value: LONG }),
  }

  it.each([row, call])('is reported with the size that was compared: $what', async ({ what, pipeline, add }) => {
    const sizeUnder = async (limit: number): Promise<number> => {
      const log = withSmallChangelog(limit)
      await using app = await run(pipeline, { application: 'a', log })
      await add(log)
      const message = await app.closed.then(String, ({ message }: Error) => message)
      const [, size] =
        new RegExp(`${what} takes up to (\\d+) bytes, but a-changelog accepts only ${limit} `).exec(message) ?? []
      return Number(size)
    }
    const size = await sizeUnder(1_000)
    expect(size).toBeGreaterThan(LONG.length)
    expect(await sizeUnder(size - 1)).toBe(size)
  })
})
