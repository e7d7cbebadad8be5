import { describe, expect, it } from 'vitest'
import { type Clock, memoryLog, systemClock } from '../../../src/index.js'
import { batchesOf, keyValueOffset, newRecord, recordsOf } from '../records.js'

const NO_OFFSETS = new Map<string, number>()
const change = (key: string, value: string | null) => ({
  key: Buffer.from(key),
  value: value === null ? null : Buffer.from(value),
})

async function prepared(partitions = 1, clock: Clock = systemClock) {
  const log = memoryLog({ partitions, clock })
  await log.tasks.prepare({ application: 'a', partitions, maxMessageBytes: 1_000 })
  return log
}

describe('preparing an application', () => {
  it('creates a compacted changelog with one partition for each task', async () => {
    const { tasks } = memoryLog()
    const options = { application: 'a', partitions: 3, maxMessageBytes: 1_000 }
    const info = await tasks.prepare(options)
    expect(info).toMatchObject({ topic: 'a-changelog', partitions: 3, cleanup: 'compact' })
    expect(await tasks.prepare(options)).toEqual(info)
    expect(tasks.guarantees).toEqual(['exactly-once', 'at-least-once'])
  })

  it('fails if the changelog has another partition count', async () => {
    const { tasks } = await prepared(2)
    await expect(tasks.prepare({ application: 'a', partitions: 3, maxMessageBytes: 1_000 })).rejects.toThrow(
      expect.objectContaining({
        code: 'PARTITIONS_CHANGED',
        message: expect.stringContaining('so give the application another name (reset fails'),
      }),
    )
  })
})

describe('a session', () => {
  it('begins with an OWNER record, whose offset is its token', async () => {
    const clock = { ...systemClock, now: () => 1_234 }
    const log = await prepared(2, clock)
    const session = await log.tasks.open({ application: 'a', task: 1 })
    const [info] = await log.source.describe(['a-changelog'])
    expect(session.changelog).toEqual({ topic: 'a-changelog', partition: 1 })
    expect(session.token).toEqual({ topicId: info?.id, offset: 0 })
    expect(session.openedAt).toBe(1_234)
    const [owner] = await recordsOf(log.source, 'a-changelog', 1)
    expect(owner).toMatchObject({ offset: 0, key: Buffer.from('0100', 'hex') })
    expect(owner?.value).toHaveLength(17)
  })

  it('has a higher token than earlier sessions, and another nonce', async () => {
    const { tasks, source } = await prepared()
    const first = await tasks.open({ application: 'a', task: 0 })
    const second = await tasks.open({ application: 'a', task: 0 })
    expect(second.token.offset).toBeGreaterThan(first.token.offset)
    const nonces = (await recordsOf(source, 'a-changelog')).map(({ value }) => value?.toString())
    expect(new Set(nonces).size).toBe(nonces.length)
  })

  it('commits outputs and changelog atomically, and returns the offset of the last changelog record', async () => {
    const { tasks, source } = await prepared()
    const session = await tasks.open({ application: 'a', task: 0 })
    const result = await session.commit({
      outputs: [newRecord('out', 'k', '1'), newRecord('out', 'k', '2')],
      changelog: [change('x', '1'), change('y', null)],
      offsets: NO_OFFSETS,
    })
    expect((await recordsOf(source, 'out')).map(keyValueOffset)).toEqual([
      ['k', '1', 0],
      ['k', '2', 1],
    ])
    const changelog = (await recordsOf(source, 'a-changelog')).slice(1).map(keyValueOffset)
    expect(changelog.map(([key, value]) => [key, value])).toEqual([
      ['x', '1'],
      ['y', undefined],
    ])
    expect(result).toEqual({ outcome: 'committed', changelogOffset: changelog[1]?.[2] })
  })

  it('leaves offsets without a record, which readers skip', async () => {
    const { tasks, source } = await prepared()
    const session = await tasks.open({ application: 'a', task: 0 })
    const commit = (value: string) =>
      session.commit({ outputs: [newRecord('out', 'k', value)], changelog: [], offsets: NO_OFFSETS })
    await commit('1')
    await commit('2')
    const offsets = (await recordsOf(source, 'out')).map(({ offset }) => offset)
    const end = await source.endOffset({ topic: 'out', partition: 0 }, 'last-stable-offset')
    expect(offsets[1]).toBeGreaterThan((offsets[0] as number) + 1)
    expect(end).toBeGreaterThan((offsets[1] as number) + 1)
    expect((await batchesOf(source, 'out')).at(-1)?.next).toBe(end)
    expect(await source.endOffset({ topic: 'out', partition: 0 }, 'high-watermark')).toBe(end)
  })

  it('is fenced by a later session of its task: nothing that it commits becomes visible', async () => {
    const { tasks, source } = await prepared()
    const old = await tasks.open({ application: 'a', task: 0 })
    const work = { outputs: [newRecord('out', 'k', 'v')], changelog: [change('x', '1')], offsets: NO_OFFSETS }
    const newest = await tasks.open({ application: 'a', task: 0 })
    expect(await old.commit(work)).toMatchObject({ outcome: 'fenced' })
    expect(await recordsOf(source, 'out')).toEqual([])
    expect(await newest.commit(work)).toMatchObject({ outcome: 'committed' })
    expect(await recordsOf(source, 'out')).toHaveLength(1)
    expect(await old.commit(work)).toMatchObject({ outcome: 'fenced' })
  })

  it('is not fenced by other tasks or applications', async () => {
    const log = await prepared(2)
    await log.tasks.prepare({ application: 'b', partitions: 2, maxMessageBytes: 1_000 })
    const session = await log.tasks.open({ application: 'a', task: 0 })
    await log.tasks.open({ application: 'a', task: 1 })
    await log.tasks.open({ application: 'b', task: 0 })
    expect(await session.commit({ outputs: [], changelog: [], offsets: NO_OFFSETS })).toMatchObject({
      outcome: 'committed',
    })
  })

  it('commits nothing after it is closed, and closing it fences no session', async () => {
    const { tasks } = await prepared()
    const old = await tasks.open({ application: 'a', task: 0 })
    const newest = await tasks.open({ application: 'a', task: 0 })
    await old.close()
    await old.close()
    const nothing = { outputs: [], changelog: [], offsets: NO_OFFSETS }
    expect(await newest.commit(nothing)).toMatchObject({ outcome: 'committed' })
    await newest.close()
    expect(await newest.commit(nothing)).toEqual({ outcome: 'rejected' })
  })

  it('commits nothing if it is fenced while it waits for room', async () => {
    const log = memoryLog({ retain: { records: 1 } })
    for (const application of ['a', 'reader'])
      await log.tasks.prepare({ application, partitions: 1, maxMessageBytes: 1_000 })
    const reader = await log.tasks.open({ application: 'reader', task: 0 })
    await log.sink.append([newRecord('out', 'k', '1'), newRecord('out', 'k', '2')])
    await reader.commit({ outputs: [], changelog: [], offsets: new Map([['out', 0]]) })
    const session = await log.tasks.open({ application: 'a', task: 0 })
    const commit = session.commit({ outputs: [newRecord('out', 'k', '3')], changelog: [], offsets: NO_OFFSETS })
    await log.tasks.open({ application: 'a', task: 0 })
    await reader.commit({ outputs: [], changelog: [], offsets: new Map([['out', 2]]) })
    expect(await commit).toMatchObject({ outcome: 'fenced' })
    expect(await log.source.endOffset({ topic: 'out', partition: 0 }, 'high-watermark')).toBe(2)
  })
})
