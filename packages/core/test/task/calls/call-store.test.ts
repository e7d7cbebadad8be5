import { describe, expect, it } from 'vitest'
import { consume } from '../../../src/app/consume.js'
import { decodeReport, encodeReport } from '../../../src/changelog/report-record.js'
import { encodeStorePosition } from '../../../src/changelog/store-position.js'
import { bytes, memoryLog, topic } from '../../../src/index.js'
import type { LogRecord } from '../../../src/log.js'
import { checkCallStore, verifyChangelog } from '../../../src/task/calls/call-store.js'

const APPLICATION = 'service-b'
const reports = { topic: 'reports', partition: 0 }
const never = new AbortController().signal

async function world() {
  const log = memoryLog({ topics: { reports: { partitions: 1 } } })
  await log.tasks.prepare({ application: APPLICATION, partitions: 1, maxMessageBytes: 1_000_000 })
  const open = () => log.tasks.open({ application: APPLICATION, task: 0 })
  type Session = Awaited<ReturnType<typeof open>>
  const written = async () => {
    const found = []
    const of = topic('reports', { key: bytes(), value: bytes() })
    for await (const { key, value, timestamp, headers } of consume(log, of, { until: 'end' }))
      found.push({ report: decodeReport({ value } as LogRecord), key, timestamp, headers })
    return found
  }
  return {
    log,
    open,
    written,
    check: (session: Session) => verifyChangelog({ ...log, session, reports, from: { next: 0 }, signal: never }),
    /** What an owner has left who became it there. */
    leaveWord: ({ token: { topicId } }: Session, offset: number) => {
      const value = encodeReport({ type: 'owner-checkpoint', topicId, offset })
      return log.sink.append([{ ...reports, key: null, value, timestamp: 0, headers: [] }])
    },
  }
}

describe('an owner who looks for what earlier ones have left', () => {
  it('goes on after them', async () => {
    const { open, check } = await world()
    expect(await check(await open())).toBe(0)
    expect(await check(await open())).toBe(1)
  })

  it('who finds what a later one has left has lost the task, and nothing else is wrong', async () => {
    const { open, check } = await world()
    const [early, late] = [await open(), await open()]
    await check(late)
    await expect(check(early)).rejects.toMatchObject({ code: 'TASK_LOST', retriable: true })
  })

  it.each([0, 1, 100])('refuses a changelog that ends %i before where an earlier one wrote', async (further) => {
    const { open, check, leaveWord } = await world()
    const session = await open()
    await leaveWord(session, session.token.offset + further)
    await expect(check(session)).rejects.toMatchObject({ code: 'CHANGELOG_INVALID' })
  })

  it('refuses a changelog that was cut off however long the starts that it refused have made it', async () => {
    const { open, check, leaveWord } = await world()
    const missing = (await open()).token.offset + 20
    await leaveWord(await open(), missing)
    for (let last = 0; last <= missing + 1; ) {
      const session = await open()
      last = session.token.offset
      await expect(check(session)).rejects.toMatchObject({ code: 'CHANGELOG_INVALID', retriable: false })
    }
  })

  it('refuses one that a store has seen more of, and so do those who have no store', async () => {
    const { open, check } = await world()
    const session = await open()
    const seen = encodeStorePosition({ topic: session.token.topicId, offset: session.token.offset + 1, caughtUpAt: 0 })
    await expect(checkCallStore(seen, session, reports)).rejects.toMatchObject({ code: 'CHANGELOG_INVALID' })
    await open()
    await expect(check(await open())).rejects.toMatchObject({ code: 'CHANGELOG_INVALID' })
  })

  it('who has lost the task says nothing of what a store has seen', async () => {
    const { open, check } = await world()
    const early = await open()
    const late = await open()
    const seen = encodeStorePosition({ topic: late.token.topicId, offset: late.token.offset, caughtUpAt: 0 })
    await expect(checkCallStore(seen, early, reports)).rejects.toMatchObject({ code: 'TASK_LOST', retriable: true })
    expect(await check(late)).toBe(0)
  })

  it('refuses a store of another changelog, which says nothing of this one', async () => {
    const { open, check } = await world()
    const session = await open()
    const seen = encodeStorePosition({ topic: 'another', offset: 0, caughtUpAt: 0 })
    await expect(checkCallStore(seen, session, reports)).rejects.toMatchObject({ code: 'CHANGELOG_INVALID' })
    expect(await check(session)).toBe(0)
  })

  it('refuses one that was made anew, whoever has opened it since', async () => {
    const { open, check, leaveWord } = await world()
    const session = await open()
    await leaveWord({ ...session, token: { ...session.token, topicId: 'another' } }, 0)
    await open()
    await expect(check(session)).rejects.toMatchObject({ code: 'CHANGELOG_INVALID' })
  })
})

describe('what an owner leaves', () => {
  it('is where it began to write, at the time of the log', async () => {
    const { open, check, written } = await world()
    const session = await open()
    await check(session)
    const { topicId, offset } = session.token
    expect(await written()).toEqual([
      {
        report: { type: 'owner-checkpoint', topicId, offset, isLost: false },
        key: null,
        timestamp: session.openedAt,
        headers: [],
      },
    ])
  })

  it('is what of the changelog is missing, which stays missing', async () => {
    const { open, check, leaveWord, written } = await world()
    const first = await open()
    const { topicId, offset } = first.token
    const problem = `${APPLICATION}-changelog[0] is not the changelog that calls were recorded in`
    const about = { topic: `${APPLICATION}-changelog`, partition: 0, retriable: false }
    await leaveWord(first, offset + 9)
    await expect(check(first)).rejects.toMatchObject({
      ...about,
      message: expect.stringContaining(
        `${problem} (an owner wrote to ${topicId} up to ${offset + 9}, this is ${topicId} up to ${offset}): calls may be missing`,
      ),
    })
    expect((await written()).slice(1)).toMatchObject([
      {
        report: { type: 'owner-checkpoint', topicId, offset: offset + 9, isLost: true },
        key: null,
        timestamp: first.openedAt,
      },
    ])
    await expect(check(await open())).rejects.toMatchObject({
      ...about,
      message: expect.stringContaining(`(an owner wrote to ${topicId} up to ${offset + 9}, which was truncated)`),
    })
    expect(await written()).toHaveLength(2)
  })

  it('says what a store has seen that the changelog does not hold', async () => {
    const { open } = await world()
    const session = await open()
    const { topicId, offset } = session.token
    const seen = encodeStorePosition({ topic: topicId, offset: offset + 1, caughtUpAt: 0 })
    await expect(checkCallStore(seen, session, reports)).rejects.toThrow(
      `(a store has seen ${topicId} up to ${offset + 1}, this is ${topicId} up to ${offset})`,
    )
  })

  it('is nothing if the loss cannot be recorded: the task may have a later owner', async () => {
    const { open } = await world()
    const session = await open()
    const cause = new Error('the broker is gone')
    const lost = { ...session, commit: async () => ({ outcome: 'unclear', cause }) as const }
    const seen = encodeStorePosition({ topic: session.token.topicId, offset: session.token.offset + 1, caughtUpAt: 0 })
    await expect(checkCallStore(seen, lost, reports)).rejects.toMatchObject({
      code: 'TASK_LOST',
      message: 'TASK_LOST: task 0 was lost while it was opened',
      topic: `${APPLICATION}-changelog`,
      partition: 0,
      retriable: true,
      cause,
    })
  })
})

describe('a store of calls', () => {
  it.each<[string, (topicId: string, offset: number) => string | undefined]>([
    ['that is new', () => undefined],
    ['that has seen what there is', (topic, at) => encodeStorePosition({ topic, offset: at, caughtUpAt: 0 })],
    ['that has seen less', (topic) => encodeStorePosition({ topic, offset: 0, caughtUpAt: 0 })],
    ['whose position cannot be read: it is rebuilt', () => '{'],
  ])('%s is used', async (_, position) => {
    const { open, written } = await world()
    const session = await open()
    await checkCallStore(position(session.token.topicId, session.token.offset), session, reports)
    expect(await written()).toEqual([])
  })
})
