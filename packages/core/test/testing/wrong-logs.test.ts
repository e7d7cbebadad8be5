import { describe, expect, it } from 'vitest'
import { logSuite } from '../../src/testing.js'
import { collect, failuresOf } from './collecting-runner.js'
import { memoryLogFixture } from './memory-log-fixture.js'
import type { WrongLog } from './wrong-log.js'
import { WRONG_LOG_READERS } from './wrong-log-readers.js'
import { WRONG_LOG_TASKS } from './wrong-log-tasks.js'

const suiteOf = (make: WrongLog['make']) =>
  collect((api) =>
    logSuite(
      api,
      'a log',
      () => {
        const fixture = memoryLogFixture()
        return { ...fixture, log: make(fixture.log) }
      },
      { timeout: '300ms' },
    ),
  )

describe('the contract suite for logs', () => {
  for (const { what, section, test, make } of [...WRONG_LOG_READERS, ...WRONG_LOG_TASKS]) {
    it(`fails a log that ${what}, in "${section}"`, async () => {
      const tests = suiteOf(make).filter((each) => each.section === `a log: ${section}`)
      const failures = [...(await failuresOf(tests)).keys()]
      expect(failures.filter((title) => title.includes(test))).not.toEqual([])
    }, 60_000)
  }
})
