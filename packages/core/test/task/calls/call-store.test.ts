import { describe, expect, it } from 'vitest'
import { encodeReport } from '../../../src/changelog/report-record.js'
import { encodeStorePosition } from '../../../src/changelog/store-position.js'
import { memoryLog } from '../../../src/index.js'
import { checkCallStore, verifyChangelog } from '../../../src/task/calls/call-store.js'

const APPLICATION = 'service-b'
const reports = { topic: 'reports', partition: 0 }
const never = new AbortController().signal

async function world() {
  const log = memoryLog({ topics: { reports: { partitions: 1 } } })
  await log.tasks.prepare({ application: APPLICATION, partitions: 1, maxMessageBytes: 1_000_000 })
  const open = () => log.tasks.open({ application: APPLICATION, task: 0 })
  type Session = Awaited<ReturnType<typeof open>>
  return {
    open,
    check: (session: Session) => verifyChangelog({ ...log, session, reports, from: 0, signal: never }),
    /** What an owner has left who became it there. */
    leaveWord: ({ token: { topicId } }: Session, offset: number) => {
      const value = encodeReport({ type: 'ledger', topicId, offset })
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
    const seen = encodeStorePosition({ topic: session.token.topicId, at: session.token.offset + 1, caughtUpAt: 0 })
    await expect(checkCallStore(seen, session, reports)).rejects.toMatchObject({ code: 'CHANGELOG_INVALID' })
    await open()
    await expect(check(await open())).rejects.toMatchObject({ code: 'CHANGELOG_INVALID' })
  })

  it('who has lost the task says nothing of what a store has seen', async () => {
    const { open, check } = await world()
    const early = await open()
    const late = await open()
    const seen = encodeStorePosition({ topic: late.token.topicId, at: late.token.offset, caughtUpAt: 0 })
    await expect(checkCallStore(seen, early, reports)).rejects.toMatchObject({ code: 'TASK_LOST', retriable: true })
    expect(await check(late)).toBe(0)
  })

  it('refuses a store of another changelog, which says nothing of this one', async () => {
    const { open, check } = await world()
    const session = await open()
    const seen = encodeStorePosition({ topic: 'another', at: 0, caughtUpAt: 0 })
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
