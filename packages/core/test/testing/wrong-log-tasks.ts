import { setImmediate as nextTurn } from 'node:timers/promises'
import type { CommitResult, OffsetAndMetadata, TaskSession } from '../../src/log.js'
import { appendAnyway, type WrongLog, withMember, withOffsets, withSession, withSource } from './wrong-log.js'

/** Mistakes in commits, owners and groups. */
export const WRONG_LOG_TASKS: readonly WrongLog[] = [
  {
    what: 'never fences an owner',
    section: 'tasks',
    test: 'a later owner fences an earlier owner',
    make: (log) =>
      withSession(log, (session, { source }) => ({
        async commit(work) {
          const result = await session.commit(work)
          if (result.outcome === 'committed') return result
          await appendAnyway(log, session, work)
          return {
            outcome: 'committed',
            changelogOffset: (await source.endOffset(session.changelog, 'high-watermark')) - 1,
          }
        },
      })),
  },
  {
    what: 'makes uncommitted records visible',
    section: 'tasks',
    test: 'whose later commits are never visible',
    make: (log) =>
      withSession(log, (session) => ({
        async commit(work) {
          const result = await session.commit(work)
          if (result.outcome !== 'committed') await appendAnyway(log, session, work)
          return result
        },
      })),
  },
  {
    what: 'commits outputs one after the other',
    section: 'tasks',
    test: 'is visible completely or not at all',
    make: (log) =>
      withSession(log, (session) => ({
        async commit(work) {
          for (const [i, output] of work.outputs.entries()) {
            if (i % 100 === 0) await nextTurn()
            await log.sink.append([output])
          }
          return session.commit({ ...work, outputs: [] })
        },
      })),
  },
  {
    what: 'throws when it is fenced',
    section: 'tasks',
    test: 'a later owner fences an earlier owner',
    make: (log) =>
      withSession(log, (session) => ({
        async commit(work) {
          const result = await session.commit(work)
          if (result.outcome === 'fenced') throw new Error('INVALID_PRODUCER_EPOCH')
          return result
        },
      })),
  },
  {
    what: 'acknowledges a commit before it is in the log',
    section: 'tasks',
    test: 'is visible completely or not at all',
    make: (log) =>
      withSession(log, (session) => ({
        async commit(work) {
          if (work.outputs.length < 1_000) return session.commit(work)
          nextTurn()
            .then(() => session.commit(work))
            .catch(() => {}) // the log may be disposed of by then
          return {
            outcome: 'committed',
            changelogOffset: await log.source.endOffset(session.changelog, 'high-watermark'),
          }
        },
      })),
  },
  {
    what: 'returns the offset of the marker',
    section: 'tasks',
    test: 'and returns the changelog offset',
    make: (log) =>
      withSession(log, (session) => ({
        async commit(work) {
          const result = await session.commit(work)
          return result.outcome === 'committed' ? { ...result, changelogOffset: result.changelogOffset + 1 } : result
        },
      })),
  },
  {
    what: 'fences the later owner when the earlier owner closes its session',
    section: 'tasks',
    test: 'a later owner fences an earlier owner',
    make: (log) =>
      withSession(log, (session) => ({
        async close() {
          const [, application = ''] = /^(.*)-changelog$/.exec(session.changelog.topic) ?? []
          await log.tasks.open({ application, task: session.changelog.partition })
        },
      })),
  },
  {
    what: 'gives each owner the same token',
    section: 'tasks',
    test: 'a later owner fences an earlier owner',
    make: (log) => withSession(log, ({ token }) => ({ token: { ...token, offset: 0 } })),
  },
  {
    what: 'excludes records after an open transaction from the high watermark',
    section: 'tasks',
    test: 'the high watermark is after every record',
    make: (log) => {
      let begun: number | undefined
      const open = withSession(log, (session) => ({
        async commit(work) {
          const topic = work.outputs[0]?.topic
          if (topic !== undefined) begun = await log.source.endOffset({ topic, partition: 0 }, 'last-stable-offset')
          for (let i = 0; i < 10; i++) await nextTurn()
          const result = await session.commit(work)
          begun = undefined
          return result
        },
      }))
      return withSource(open, (source) => ({
        endOffset: async (at, kind) => Math.min(await source.endOffset(at, kind), begun ?? Number.POSITIVE_INFINITY),
      }))
    },
  },
  {
    what: 'loses the outputs of a commit that begins during another one',
    section: 'tasks',
    test: 'sessions that commit at the same time',
    make: (log) => {
      let underWay = 0
      return withSession(log, (session) => ({
        async commit(work) {
          const isSecond = ++underWay > 1
          await nextTurn()
          underWay--
          return session.commit(isSecond ? { ...work, outputs: [] } : work)
        },
      }))
    },
  },
  {
    what: 'writes the changelog records of commits at the same time for one of the tasks',
    section: 'tasks',
    test: 'sessions that commit at the same time',
    make: (log) => {
      let first: TaskSession | undefined
      return withSession(log, (session) => ({
        async commit(work) {
          first ??= session
          const at = first
          await nextTurn()
          first = undefined
          if (at === session) return session.commit(work)
          await appendAnyway(log, at, { ...work, outputs: [] })
          return session.commit({ ...work, changelog: [] })
        },
      }))
    },
  },
  {
    what: 'fences all sessions that commit at the same time as a superseded one',
    section: 'tasks',
    test: 'one that is superseded is fenced, and the others are committed',
    make: (log) => {
      let together: Promise<CommitResult>[] = []
      return withSession(log, (session) => ({
        async commit(work) {
          const own = session.commit(work)
          together.push(own)
          await nextTurn()
          const results = await Promise.all(together)
          await nextTurn()
          together = []
          return results.find(({ outcome }) => outcome === 'fenced') ?? own
        },
      }))
    },
  },
  {
    what: 'commits what a superseded session has submitted with others',
    section: 'tasks',
    test: 'one that is superseded is fenced, and the others are committed',
    make: (log) => {
      let underWay = 0
      return withSession(log, (session) => ({
        async commit(work) {
          const isTogether = ++underWay > 1
          await nextTurn()
          underWay--
          const result = await session.commit(work)
          if (result.outcome === 'fenced' && isTogether) await log.sink.append(work.outputs)
          return result
        },
      }))
    },
  },
  {
    what: 'accepts a changelog with another partition count',
    section: 'tasks',
    test: 'the changelog is compacted',
    make: (log) => ({
      ...log,
      tasks: {
        guarantees: log.tasks.guarantees,
        prepare: (options) => log.tasks.prepare({ ...options, partitions: 2 }),
        open: (options) => log.tasks.open(options),
      },
    }),
  },
  {
    what: 'loses the position of a task',
    section: 'tasks that commit at least once',
    test: 'a later owner gets the last committed position',
    make: (log) =>
      withOffsets(log, () => ({
        async open() {
          return { saved: new Map(), save: async () => 'saved' }
        },
      })),
  },
  {
    what: 'shares one position among all tasks',
    section: 'tasks that commit at least once',
    test: 'a later owner gets the last committed position',
    make: (log) => withOffsets(log, (offsets) => ({ open: (options) => offsets.open({ ...options, task: 0 }) })),
  },
  {
    what: 'shares one position among all applications',
    section: 'tasks that commit at least once',
    test: 'each application has its own positions',
    make: (log) =>
      withOffsets(log, (offsets) => ({ open: (options) => offsets.open({ ...options, application: 'a' }) })),
  },
  {
    what: 'saves the position of an earlier owner',
    section: 'tasks that commit at least once',
    test: 'a later owner fences an earlier owner',
    make: (log) =>
      withOffsets(log, () => {
        const kept = new Map<string, ReadonlyMap<string, OffsetAndMetadata>>()
        return {
          async open({ application, task }) {
            const id = `${application}/${task}`
            return {
              saved: kept.get(id) ?? new Map(),
              async save(of) {
                kept.set(id, of)
                return 'saved'
              },
            }
          },
        }
      }),
  },
  {
    what: 'does not wait until revoked tasks are released',
    section: 'groups',
    test: 'only after the previous owner has released them',
    make: (log) =>
      withMember(
        log,
        (join) => (group, topics, member) =>
          join(group, topics, {
            assigned: (tasks) => member.assigned(tasks),
            revoked: async (tasks) => void member.revoked(tasks).catch(() => {}), // the log may be disposed of by then
            lost: () => member.lost(),
            ownedTasks: () => member.ownedTasks(),
            failed: (error) => member.failed(error),
          }),
      ),
  },
  {
    what: 'verifies a membership that has ended',
    section: 'groups',
    test: 'a member that has left',
    make: (log) =>
      withMember(log, (join) => async (...args) => {
        const membership = await join(...args)
        return { verify: async () => 'member', leave: () => membership.leave() }
      }),
  },
  {
    what: 'assigns all tasks to every member',
    section: 'groups',
    test: 'members share the tasks',
    make: (log) =>
      withMember(
        log,
        (join) => (group, topics, member) =>
          join(group, topics, {
            assigned: () => member.assigned([0, 1, 2, 3]),
            revoked: (tasks) => member.revoked(tasks),
            lost: () => member.lost(),
            ownedTasks: () => member.ownedTasks(),
            failed: (error) => member.failed(error),
          }),
      ),
  },
  {
    what: 'uses one group for all applications',
    section: 'groups',
    test: 'groups are independent',
    make: (log) => withMember(log, (join) => (_, topics, member) => join('all', topics, member)),
  },
]
