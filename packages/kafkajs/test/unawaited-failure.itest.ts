import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { bundle } from '../../testbed/src/bundle.js'
import type {} from '../../testbed/src/vitest-setup.js'
import { createTopics, unique } from './support/topics.js'
import { WorkerProcess } from './support/worker-process.js'

const brokers = inject('brokers')
const THREW = 'FUNCTION_THREW: the joiner of join row-\\S+ in pipeline event-\\S+ threw: '

describe.skipIf(brokers.length === 0)('a process whose application fails, and that awaits none of its promises', () => {
  let program: string
  beforeAll(async () => {
    program = await bundle(new URL('./fixtures/forgetful-service.ts', import.meta.url).pathname)
  })
  afterAll(() => rm(dirname(program), { recursive: true, force: true }))

  it.each([
    ['because a joiner throws', '', THREW],
    ['because its log was disposed of', 'log', `(LOG_CLOSED: the log was closed|${THREW})`],
  ])(
    'ends with code 1, and prints the error: %s',
    async (_, DISPOSES, error) => {
      const name = unique()
      await createTopics(
        { brokers },
        ...['event', 'row', 'result'].map((each) => ({ topic: name(each), partitions: 1 })),
      )
      const service = new WorkerProcess(program, { BROKERS: brokers.join(','), ID: name('').slice(1), DISPOSES })
      expect(await service.ended).toBe(1)
      await expect.poll(() => service.errors).toMatch(new RegExp(`\\w*Error.*: ${error}`))
      await expect.poll(() => service.errors).toMatch(new RegExp(`exit: failed, the application has failed: ${error}`))
    },
    60_000,
  )
})
