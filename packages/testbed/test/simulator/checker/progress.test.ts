import { describe, expect, it } from 'vitest'
import { SimCluster } from '../../../src/simulator/brokers/sim-cluster.js'
import type { Commit, TaskHistory } from '../../../src/simulator/checker/log-history.js'
import { progress } from '../../../src/simulator/checker/progress.js'
import { EventLoop } from '../../../src/simulator/event-loop.js'
import { Random } from '../../../src/simulator/random.js'
import { chooseScenario } from '../../../src/simulator/scenario/scenario.js'

/** @returns what is reported about one record, written at 20 s, that is committed at a time */
async function reported(committedAt: number, refuses?: 'named') {
  const eventLoop = new EventLoop(new Random(1))
  const cluster = new SimCluster(eventLoop, { deleteRetentionMs: 0, transactionVersion: 2, releases: ['4.3'] })
  cluster.create('events', { partitions: 1, cleanup: 'delete' })
  let isWritten = false
  eventLoop.schedule(20_000, 'a record is written', () => {
    cluster.append([{ topic: 'events', key: null, value: null, timestamp: 0, headers: [] }])
    isWritten = true
  })
  await eventLoop.run(() => isWritten, 10)
  const commit = { at: committedAt, position: { inputs: { events: { next: 1 } } } } as unknown as Commit
  const task: TaskHistory = { partition: 0, commits: [commit], anomalies: [] }
  const [pipeline] = chooseScenario(new Random(1), 'joins').pipelines
  const pipelines = pipeline === undefined ? [] : [{ ...pipeline, stream: 'events' }]
  const scenario = { ...chooseScenario(new Random(1), 'joins'), pipelines, tables: [], brokerSessionMs: 3_000, refuses }
  return progress(cluster, scenario, task).map(({ text, event }) => ({ text, event }))
}

describe('a record while brokers freeze', () => {
  it('is processed within the session of a broker and the deadlines of the client', async () => {
    expect(await reported(20_000 + 21_000)).toEqual([])
  })

  it('may take longer where brokers refuse results', async () => {
    expect(await reported(20_000 + 21_001, 'named')).toEqual([])
  })

  it('is reported if that takes longer', async () => {
    expect(await reported(20_000 + 21_001)).toEqual([
      {
        text: 'is processed 21001 ms after it was written, which takes 21000 ms at most',
        event: { stream: 'events', offset: 0 },
      },
    ])
  })
})
