import { expect, it } from 'vitest'
import { logSuite, ManualClock } from '../../src/testing.js'
import { TruncatableLog } from '../app/truncatable-log.js'
import { collect, failuresOf } from './collecting-runner.js'
import { type AnyLog, withSource } from './wrong-log.js'

const TEST = 'a position with a leader epoch can be read from, unless the log has lost what comes before it'

const failures = (change: (log: AnyLog) => AnyLog) =>
  failuresOf(
    collect((api) =>
      logSuite(
        api,
        'a log',
        () => {
          const truncatable = new TruncatableLog(new ManualClock(0), [])
          return {
            log: change(truncatable.log),
            createTopic: async () => 'events',
            application: () => 'a',
            truncate: ({ topic }, offset) => truncatable.truncate(topic, offset),
          }
        },
        { timeout: '300ms' },
      ),
    ).filter(({ title }) => title === TEST),
  )

it('the contract suite accepts a log that notices what it has lost', async () => {
  expect(await failures((log) => log)).toEqual(new Map())
})

it('the contract suite fails a log that does not compare leader epochs', async () => {
  const ignoring = (log: AnyLog) =>
    withSource(log, (source) => ({ read: ({ leaderEpoch: _, ...from }, signal) => source.read(from, signal) }))
  expect([...(await failures(ignoring)).keys()]).toEqual([TEST])
})
