import { describe, expect, it } from 'vitest'
import { json, memoryLog, type RunOptions, reset, run, stream, text, topic } from '../../src/index.js'

const events = topic('events', { key: text(), value: json<number>() })
const copied = stream(events).to(topic('copies', { key: text(), value: json<number>() }))
/** What a program without types may say. */
const untyped = (options: object | undefined): RunOptions => options as RunOptions

describe('whoever runs an application without types is told', () => {
  it.each([undefined, {}, { application: 'app' }, { application: 'app', log: {} }])(
    'that %j has no log',
    async (options) => {
      await expect(run(copied, untyped(options))).rejects.toMatchObject({
        code: 'OPTION_INVALID',
        message: expect.stringContaining('log is missing, or is not a log: pass memoryLog() or the log of an adapter'),
      })
    },
  )

  it('that the application has no name', async () => {
    const options = untyped({ log: memoryLog() })
    await expect(run(copied, options)).rejects.toMatchObject({ code: 'PIPELINE_INVALID' })
    await expect(reset(copied, options)).rejects.toMatchObject({ code: 'PIPELINE_INVALID' })
  })

  it('that the log does not promise what was asked for', async () => {
    const options = untyped({ application: 'app', log: memoryLog(), guarantee: 'at-most-once' })
    await expect(run(copied, options)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: expect.stringContaining('guarantee is at-most-once: this log offers exactly-once and at-least-once'),
    })
  })
})
