import { describe, expect, it } from 'vitest'
import { ProtocolError } from '../../../src/protocol/protocol-error.js'
import type { ChangelogOwnership } from '../../../src/writer/group-commit/changelog-ownership.js'
import { PartQueue, type QueuedPart } from '../../../src/writer/group-commit/part-queue.js'
import type { PartResult, TransactionPart } from '../../../src/writer/group-commit/transaction-part.js'
import { ScriptedKafka } from '../scripted-kafka.js'
import { toBatches } from '../to-batches.js'

const TIMEOUT_MS = 12_000
const MAX_BYTES = 100

function queueing() {
  const kafka = new ScriptedKafka({ out: 9, 'app-changelog': 9 })
  const withoutLeader = new Set<string>()
  kafka.leaderOf = (topic, partition) => {
    if (withoutLeader.has(`${topic}/${partition}`)) throw new ProtocolError(5, `Metadata of ${topic}`, topic)
    return 1
  }
  /** The tasks whose partitions are at fault. */
  const atFault = new Set<number>()
  const faulty = { hasPart: ({ changelog }: TransactionPart) => atFault.has(changelog.partition) }
  const queue = new PartQueue(kafka.cluster, { timeoutMs: TIMEOUT_MS, faulty })
  const results = new Map<number, PartResult>()
  /** Adds a part of a task, which writes to the partition of its number. */
  const add = (task: number, { bytes = 10, isSuperseded = false } = {}) => {
    const record = { topic: 'out', partition: task, key: null, value: null, timestamp: 0, headers: [] }
    const part: TransactionPart = {
      changelog: { topic: 'app-changelog', partition: task },
      ownership: {} as ChangelogOwnership,
      outputs: toBatches([record], new Map(), new Map([['out', 1_000]])),
      bytes,
      changelogRecords: () => [],
      isSuperseded: () => isSuperseded,
    }
    void queue.add(part).then((result) => results.set(task, result))
  }
  const passMs = (ms: number) => new Promise<void>((resolve) => void kafka.clock.setTimeout(resolve, ms))
  return { kafka, withoutLeader, atFault, queue, results, add, passMs }
}
const tasksOf = (parts: readonly QueuedPart[]) => parts.map(({ part }) => part.changelog.partition)

describe('a queue of parts', () => {
  it('gives them in their order, each once', async () => {
    const { queue, add } = queueing()
    for (const task of [2, 0, 1]) add(task)
    expect(queue.isEmpty).toBe(false)
    expect(tasksOf(await queue.take(MAX_BYTES))).toEqual([2, 0, 1])
    expect(queue.isEmpty).toBe(true)
    expect(await queue.take(MAX_BYTES)).toEqual([])
  })

  it('gives those that were put back first', async () => {
    const { queue, add } = queueing()
    for (const task of [0, 1]) add(task)
    const taken = await queue.take(MAX_BYTES)
    add(2)
    queue.putBack(taken)
    expect(tasksOf(await queue.take(MAX_BYTES))).toEqual([0, 1, 2])
  })

  it('gives as many as fit; those that do not, come first the next time', async () => {
    const { queue, add } = queueing()
    add(0, { bytes: 60 })
    add(1, { bytes: 60 })
    add(2, { bytes: 60 })
    expect(tasksOf(await queue.take(MAX_BYTES))).toEqual([0])
    add(3, { bytes: 40 })
    expect(tasksOf(await queue.take(MAX_BYTES))).toEqual([1, 3])
    expect(tasksOf(await queue.take(MAX_BYTES))).toEqual([2])
  })

  it('gives a part that is too large alone', async () => {
    const { queue, add } = queueing()
    add(0, { bytes: 1_000 })
    add(1)
    expect(tasksOf(await queue.take(MAX_BYTES))).toEqual([0])
    expect(tasksOf(await queue.take(MAX_BYTES))).toEqual([1])
  })

  it('ends a part whose session is superseded', async () => {
    const { queue, results, add } = queueing()
    add(0, { isSuperseded: true })
    add(1)
    expect(tasksOf(await queue.take(MAX_BYTES))).toEqual([1])
    expect(results.get(0)).toEqual({ outcome: 'fenced', cause: undefined })
  })

  it('can be cleared', () => {
    const { queue, add } = queueing()
    for (const task of [0, 1]) add(task)
    expect(tasksOf(queue.clear())).toEqual([0, 1])
    expect(queue.isEmpty).toBe(true)
  })
})

describe('a part of a faulty partition', () => {
  it('is not taken with the others: they take turns', async () => {
    const { atFault, queue, add } = queueing()
    for (const task of [0, 1, 2, 3]) add(task)
    for (const task of [1, 3]) atFault.add(task)
    expect(tasksOf(await queue.take(MAX_BYTES))).toEqual([0, 2])
    for (const task of [4, 5]) add(task)
    expect(tasksOf(await queue.take(MAX_BYTES))).toEqual([1, 3])
    add(1)
    expect(tasksOf(await queue.take(MAX_BYTES))).toEqual([4, 5])
    expect(tasksOf(await queue.take(MAX_BYTES))).toEqual([1])
  })

  it('keeps its place in the queue, and is taken in its order once its partition is at fault no longer', async () => {
    const { atFault, queue, add } = queueing()
    for (const task of [0, 1, 2]) add(task)
    atFault.add(0)
    expect(tasksOf(await queue.take(MAX_BYTES))).toEqual([1, 2])
    atFault.clear()
    add(3)
    expect(tasksOf(await queue.take(MAX_BYTES))).toEqual([0, 3])
  })
})

describe('the next part', () => {
  it('ends the pause at once, also if it was added while leaders were looked up', async () => {
    const { kafka, withoutLeader, queue, add } = queueing()
    withoutLeader.add('out/0')
    add(0)
    await queue.take(MAX_BYTES)
    const began = kafka.clock.monotonic()
    const paused = queue.nextPart(100)
    add(1)
    await paused
    const taking = queue.take(MAX_BYTES)
    add(2)
    expect(tasksOf(await taking)).toEqual([1])
    await queue.nextPart(100)
    expect(kafka.clock.monotonic()).toBe(began)
    expect(tasksOf(await queue.take(MAX_BYTES))).toEqual([2])
    await queue.nextPart(100)
    expect(kafka.clock.monotonic()).toBe(began + 100)
  })

  it('is not waited for once the log is closed', async () => {
    const { kafka, queue } = queueing()
    const began = kafka.clock.monotonic()
    const paused = queue.nextPart(100)
    kafka.closing.abort()
    await paused
    await queue.nextPart(100)
    expect(kafka.clock.monotonic()).toBe(began)
  })
})

describe('a part with a partition that has no leader', () => {
  it('costs one lookup for all, however many there are', async () => {
    const { kafka, withoutLeader, queue, add } = queueing()
    for (const task of [0, 1, 2]) withoutLeader.add(`out/${task}`)
    for (const task of [0, 1, 2, 3]) add(task)
    expect(tasksOf(await queue.take(MAX_BYTES))).toEqual([3])
    expect(kafka.refreshed).toEqual([['app-changelog', 'out']])
  })

  it('waits with the others if no broker responds to the lookup', async () => {
    const { kafka, queue, results, add, passMs } = queueing()
    const cause = new Error('no broker responds')
    const cluster = { ...kafka.cluster, refresh: () => Promise.reject(cause) }
    const cut = new PartQueue(cluster as unknown as typeof kafka.cluster, {
      timeoutMs: TIMEOUT_MS,
      faulty: { hasPart: () => false },
    })
    add(0)
    cut.putBack(queue.clear())
    expect(await cut.take(MAX_BYTES)).toEqual([])
    await passMs(TIMEOUT_MS + 1)
    expect(await cut.take(MAX_BYTES)).toEqual([])
    expect(results.get(0)).toEqual({ outcome: 'rejected', cause })
  })

  it.each(['out/0', 'app-changelog/0'])('waits, and holds up no others: %s', async (place) => {
    const { withoutLeader, queue, results, add } = queueing()
    withoutLeader.add(place)
    add(0, { bytes: MAX_BYTES }) // and takes no room
    add(1, { bytes: 40 })
    add(2, { bytes: 40 })
    expect(tasksOf(await queue.take(MAX_BYTES))).toEqual([1, 2])
    expect(await queue.take(MAX_BYTES)).toEqual([])
    expect(queue.isEmpty).toBe(false)
    withoutLeader.clear()
    expect(tasksOf(await queue.take(MAX_BYTES))).toEqual([0])
    expect(results.size).toBe(0)
  })

  it('is rejected with the reason after the time for delivery, counted from when it was submitted', async () => {
    const { withoutLeader, queue, results, add, passMs } = queueing()
    add(0)
    const taken = await queue.take(MAX_BYTES)
    await passMs(TIMEOUT_MS / 2)
    queue.putBack(taken)
    withoutLeader.add('out/0')
    expect(await queue.take(MAX_BYTES)).toEqual([])
    await passMs(TIMEOUT_MS / 2)
    expect(await queue.take(MAX_BYTES)).toEqual([])
    expect(results.size).toBe(0)
    await passMs(1)
    expect(await queue.take(MAX_BYTES)).toEqual([])
    expect(results.get(0)).toMatchObject({ outcome: 'rejected', cause: { code: 5, topic: 'out' } })
    expect(queue.isEmpty).toBe(true)
  })

  it('is rejected because the topic is missing if it stays unknown', async () => {
    const { kafka, queue, results, add, passMs } = queueing()
    kafka.leaderOf = async (topic) => {
      if (topic === 'out') throw new ProtocolError(3, 'Metadata of out', 'out')
      return 1
    }
    add(0)
    await passMs(TIMEOUT_MS + 1)
    await queue.take(MAX_BYTES)
    expect(results.get(0)).toMatchObject({ outcome: 'rejected', cause: { code: 'TOPIC_MISSING', topic: 'out' } })
  })
})
