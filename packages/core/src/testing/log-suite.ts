import assert from 'node:assert/strict'
import { isJoineryError } from '../errors.js'
import type { Batch, GroupMember, Log, TaskWork } from '../log/contract.js'
import { partitionFor } from '../log/murmur2.js'
import type { LogRecord, NewRecord, Origin } from '../record.js'
import type { Awaitable } from '../store/contract.js'
import type { TestApi } from './test-api.js'

/** A log to test, with what tests need beside it. */
export interface LogFixture {
  /** The log; it is disposed of after the test. */
  readonly log: Log<'exactly-once'>
  /** Makes an empty topic, and answers its name. */
  createTopic(options: { readonly partitions: number; readonly compact: boolean }): Promise<string>
  /** An application name that nobody has used. */
  application(): string
  /** A topic that does not exist; left out by a log whose topics appear on first use. */
  readonly missingTopic?: string
}

const record = (topic: string, key: string | null, value: string | null, more: Partial<NewRecord> = {}): NewRecord => ({
  topic,
  key: key === null ? null : Buffer.from(key),
  value: value === null ? null : Buffer.from(value),
  timestamp: 1_700_000_000_000,
  headers: [],
  ...more,
})

/** Reads until the position has reached `until`, and closes the reader. */
async function readTo({ log }: LogFixture, from: Origin, until: number): Promise<LogRecord[]> {
  const stop = new AbortController()
  const records: LogRecord[] = []
  if (from.offset >= until) return records
  for await (const batch of log.source.read(from, stop.signal)) {
    records.push(...batch.records)
    if (batch.next >= until) break
  }
  stop.abort()
  return records
}

/** Up to the written end: a commit may be answered a moment before its records can be read. */
async function readAll(fixture: LogFixture, topic: string, partition = 0): Promise<LogRecord[]> {
  const at = { topic, partition }
  const from = { ...at, offset: await fixture.log.source.earliest(at) }
  return readTo(fixture, from, await fixture.log.source.end(at, 'written'))
}

const values = (records: readonly LogRecord[]): (string | null)[] =>
  records.map(({ value }) => (value === null ? null : Buffer.from(value).toString()))

const work = (outputs: readonly NewRecord[], key: string, value: string): TaskWork => ({
  outputs,
  changelog: [{ key: Buffer.from(key), value: Buffer.from(value) }],
  offsets: new Map(),
})

const hasCode = (code: string) => (error: unknown) => isJoineryError(error) && error.code === code

/**
 * What every log has to do, as tests for any runner. Give it the runner's `describe` and `it`, and a function that
 * makes a fixture for each test.
 *
 * @example
 * ```ts compile-only: the log is the reader's
 * import { describe, it } from 'node:test'
 * import type { Log } from '@joinery/core'
 *
 * declare function myLog(): Log<'exactly-once'>
 * declare function createTopic(name: string, partitions: number, compact: boolean): Promise<string>
 *
 * let names = 0
 * logSuite({ describe, it }, 'myLog', () => ({
 *   log: myLog(),
 *   createTopic: async ({ partitions, compact }) => createTopic(`topic-${++names}`, partitions, compact),
 *   application: () => `application-${++names}`,
 * }))
 * ```
 */
export function logSuite({ describe, it }: TestApi, name: string, fresh: () => Awaitable<LogFixture>): void {
  const withLog = (title: string, body: (fixture: LogFixture) => Promise<void>) =>
    it(title, async () => {
      const fixture = await fresh()
      try {
        await body(fixture)
      } finally {
        await fixture.log[Symbol.asyncDispose]()
      }
    })

  describe(`${name}: reading and appending`, () => {
    withLog('records come back as they were appended, in order', async (fixture) => {
      const topic = await fixture.createTopic({ partitions: 1, compact: false })
      const headers = [
        ['a', Buffer.from('1')],
        ['a', null],
        ['b', Buffer.alloc(0)],
      ] as const
      const sent = [record(topic, 'k', 'v', { headers }), record(topic, null, 'no key'), record(topic, 'gone', null)]
      await fixture.log.sink.append(sent)
      const found = await readAll(fixture, topic)
      const plain = (bytes: Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString())
      assert.deepEqual(
        found.map(({ key, value, timestamp, headers }) => ({
          key: plain(key),
          value: plain(value),
          timestamp,
          headers: headers.map(([header, bytes]) => [header, plain(bytes)]),
        })),
        [
          {
            key: 'k',
            value: 'v',
            timestamp: 1_700_000_000_000,
            headers: [
              ['a', '1'],
              ['a', null],
              ['b', ''],
            ],
          },
          { key: null, value: 'no key', timestamp: 1_700_000_000_000, headers: [] },
          { key: 'gone', value: null, timestamp: 1_700_000_000_000, headers: [] },
        ],
      )
      assert.ok(found.every((each, i) => i === 0 || each.offset > (found[i - 1] as LogRecord).offset))
    })

    withLog('a key goes where the Java client would put it, an explicit partition overrules', async (fixture) => {
      const topic = await fixture.createTopic({ partitions: 3, compact: false })
      const keys = Array.from({ length: 30 }, (_, i) => `key-${i}`)
      await fixture.log.sink.append(keys.map((key) => record(topic, key, key)))
      await fixture.log.sink.append([record(topic, 'key-0', 'forced', { partition: 2 })])
      for (let partition = 0; partition < 3; partition++) {
        const here = keys.filter((key) => partitionFor(Buffer.from(key), 3) === partition)
        const expected = partition === 2 ? [...here, 'forced'] : here
        assert.deepEqual(values(await readAll(fixture, topic, partition)), expected)
      }
    })

    withLog('a reader that has caught up is told so, and woken by what comes', async (fixture) => {
      const topic = await fixture.createTopic({ partitions: 1, compact: false })
      await fixture.log.sink.append([record(topic, 'k', '1')])
      const stop = new AbortController()
      const reader = fixture.log.source.read({ topic, partition: 0, offset: 0 }, stop.signal)[Symbol.asyncIterator]()
      const until = async (isEnough: (batch: Batch) => boolean) => {
        const seen: LogRecord[] = []
        for (;;) {
          const { value, done } = await reader.next()
          assert.ok(!done)
          seen.push(...value.records)
          if (isEnough(value)) return seen
        }
      }
      assert.deepEqual(values(await until(({ next, end }) => next >= end)), ['1'])
      await fixture.log.sink.append([record(topic, 'k', '2')])
      assert.deepEqual(values(await until(({ records }) => records.length > 0)), ['2'])
      const pending = reader.next()
      stop.abort()
      let last = await pending
      while (!last.done) last = await reader.next()
      assert.equal(last.done, true)
    })

    withLog('an offset that the log does not hold is an error, not a jump', async (fixture) => {
      const topic = await fixture.createTopic({ partitions: 1, compact: false })
      await fixture.log.sink.append([record(topic, 'k', '1')])
      const beyond = { topic, partition: 0, offset: 1_000 }
      await assert.rejects(readTo(fixture, beyond, 1_001), hasCode('OFFSET_OUT_OF_RANGE'))
    })

    withLog('ends are asked anew, and behind what was acknowledged', async ({ log, createTopic }) => {
      const topic = await createTopic({ partitions: 1, compact: false })
      const at = { topic, partition: 0 }
      assert.equal(await log.source.earliest(at), 0)
      assert.equal(await log.source.end(at, 'written'), 0)
      await log.sink.append([record(topic, 'k', '1'), record(topic, 'k', '2')])
      assert.ok((await log.source.end(at, 'written')) >= 2)
      assert.ok((await log.source.end(at, 'stable')) >= 2)
    })

    withLog('topics are described in the order asked', async ({ log, createTopic, missingTopic }) => {
      const rows = await createTopic({ partitions: 2, compact: true })
      const events = await createTopic({ partitions: 3, compact: false })
      const infos = await log.source.describe([events, rows])
      assert.deepEqual(
        infos.map(({ topic, partitions, cleanup }) => ({ topic, partitions, cleanup })),
        [
          { topic: events, partitions: 3, cleanup: 'delete' },
          { topic: rows, partitions: 2, cleanup: 'compact' },
        ],
      )
      assert.notEqual(infos[0]?.id, infos[1]?.id)
      if (missingTopic !== undefined)
        await assert.rejects(log.source.describe([missingTopic]), hasCode('TOPIC_MISSING'))
    })
  })

  describe(`${name}: tasks`, () => {
    const prepared = async (fixture: LogFixture, partitions: number) => {
      const application = fixture.application()
      const changelog = await fixture.log.tasks.prepare({ application, partitions, maxMessageBytes: 1_048_588 })
      return { application, changelog }
    }

    withLog('the changelog is compacted, has a partition for each task, and is made once', async (fixture) => {
      const { application, changelog } = await prepared(fixture, 2)
      assert.equal(changelog.topic, `${application}-changelog`)
      assert.equal(changelog.cleanup, 'compact')
      assert.equal(changelog.partitions, 2)
      const again = await fixture.log.tasks.prepare({ application, partitions: 2, maxMessageBytes: 1_048_588 })
      assert.equal(again.id, changelog.id)
      await assert.rejects(
        fixture.log.tasks.prepare({ application, partitions: 3, maxMessageBytes: 1_048_588 }),
        hasCode('PARTITIONS_CHANGED'),
      )
    })

    withLog('a commit writes outputs and changelog, and says where', async (fixture) => {
      const topic = await fixture.createTopic({ partitions: 2, compact: false })
      const { application } = await prepared(fixture, 2)
      const session = await fixture.log.tasks.open({ application, task: 1 })
      const outputs = [record(topic, 'a', '1', { partition: 0 }), record(topic, 'b', '2', { partition: 1 })]
      const result = await session.commit(work(outputs, 'state', 'one'))
      assert.equal(result.outcome, 'committed')
      assert.deepEqual(session.changelog, { topic: `${application}-changelog`, partition: 1 })
      assert.deepEqual(values(await readAll(fixture, topic, 0)), ['1'])
      assert.deepEqual(values(await readAll(fixture, topic, 1)), ['2'])
      const changelog = await readAll(fixture, session.changelog.topic, 1)
      const last = changelog.at(-1)
      assert.equal(Buffer.from(last?.key ?? []).toString(), 'state')
      assert.equal(result.outcome === 'committed' && result.changelogOffset, last?.offset)
      assert.ok(session.token.offset < (last?.offset ?? 0))
      await session.close()
    })

    withLog('a later owner fences an earlier one, whose work is never seen', async (fixture) => {
      const topic = await fixture.createTopic({ partitions: 1, compact: false })
      const { application } = await prepared(fixture, 1)
      const first = await fixture.log.tasks.open({ application, task: 0 })
      const begun = await first.commit(work([record(topic, 'k', 'first')], 's', '1'))
      assert.equal(begun.outcome, 'committed')
      const second = await fixture.log.tasks.open({ application, task: 0 })
      assert.ok(second.token.offset > first.token.offset)
      assert.equal(second.token.topicId, first.token.topicId)
      const late = await first.commit(work([record(topic, 'k', 'late')], 's', 'late'))
      assert.equal(late.outcome, 'fenced')
      const next = await second.commit(work([record(topic, 'k', 'second')], 's', '2'))
      assert.equal(next.outcome, 'committed')
      assert.deepEqual(values(await readAll(fixture, topic)), ['first', 'second'])
      assert.ok(!values(await readAll(fixture, second.changelog.topic)).includes('late'))
      await first.close()
      await second.close()
    })

    withLog('tasks do not fence each other', async (fixture) => {
      const topic = await fixture.createTopic({ partitions: 1, compact: false })
      const { application } = await prepared(fixture, 2)
      const sessions = [
        await fixture.log.tasks.open({ application, task: 0 }),
        await fixture.log.tasks.open({ application, task: 1 }),
      ]
      for (const session of sessions) {
        const result = await session.commit(work([record(topic, 'k', 'v')], 's', 'v'))
        assert.equal(result.outcome, 'committed')
        await session.close()
      }
      assert.equal((await readAll(fixture, topic)).length, 2)
    })
  })

  describe(`${name}: groups`, () => {
    withLog('members share the tasks, and hand them over one at a time', async (fixture) => {
      const topic = await fixture.createTopic({ partitions: 4, compact: false })
      const group = fixture.application()
      const owners = new Map<number, string>()
      const one = await join(fixture, group, topic, 'one', owners)
      await one.owns((tasks) => tasks.length === 4)
      assert.equal(await one.prove(), 'member')
      const two = await join(fixture, group, topic, 'two', owners)
      await Promise.all([one.owns((tasks) => tasks.length === 2), two.owns((tasks) => tasks.length === 2)])
      assert.deepEqual([...owners.keys()].sort(), [0, 1, 2, 3])
      await one.leave()
      await two.owns((tasks) => tasks.length === 4)
      assert.deepEqual([...new Set(owners.values())], ['two'])
      await two.leave()
    })
  })
}

/** A member that takes and gives what it is told, and fails if a task has two owners. */
async function join({ log }: LogFixture, group: string, topic: string, name: string, owners: Map<number, string>) {
  let tasks: readonly number[] = []
  const waiting = new Set<() => void>()
  let failure: Error | undefined
  const give = (given: readonly number[]) => {
    for (const task of given) if (owners.get(task) === name) owners.delete(task)
    tasks = tasks.filter((task) => !given.includes(task))
  }
  const changed = () => {
    for (const look of [...waiting]) look()
  }
  const member: GroupMember = {
    assigned(assigned) {
      give(tasks.filter((task) => !assigned.includes(task)))
      for (const task of assigned) {
        const owner = owners.get(task) ?? name
        if (owner !== name) failure = new Error(`task ${task} belongs to ${owner} and was given to ${name}`)
        owners.set(task, name)
      }
      tasks = assigned
      changed()
    },
    async revoked(revoked) {
      give(revoked)
    },
    lost() {
      give(tasks)
    },
    held: () => tasks,
    failed(error) {
      failure = error
      changed()
    },
  }
  const membership = await log.group.join(group, [topic], member)
  return {
    prove: () => membership.prove(),
    leave: () => {
      give(tasks)
      return membership.leave()
    },
    owns: (isEnough: (tasks: readonly number[]) => boolean) =>
      new Promise<void>((resolve, reject) => {
        const look = () => {
          if (failure !== undefined) reject(failure)
          else if (isEnough(tasks)) resolve()
          else return
          waiting.delete(look)
        }
        waiting.add(look)
        look()
      }),
  }
}
