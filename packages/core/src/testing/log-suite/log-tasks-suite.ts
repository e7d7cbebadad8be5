import assert from 'node:assert/strict'
import type { CommitResult, TaskSession } from '../../log/contract.js'
import { committed, hasCode, type LogTest, type LogTrial, plain, record, values, work } from './log-trial.js'

const open = ({ log }: LogTrial, application: string, task: number): Promise<TaskSession> =>
  log.tasks.open({ application, task })

/** Layer 4 with the guarantee exactly-once. */
export function logTasksSuite(test: LogTest): void {
  test('the changelog is compacted, has a partition for each task, and is created once', async (trial) => {
    const { application, changelog } = await trial.prepared(2)
    assert.equal(changelog.topic, `${application}-changelog`)
    assert.equal(changelog.cleanup, 'compact')
    assert.equal(changelog.partitions, 2)
    const second = await trial.log.tasks.prepare({ application, partitions: 2, maxMessageBytes: 1_048_588 })
    assert.equal(second.id, changelog.id)
    await assert.rejects(
      trial.log.tasks.prepare({ application, partitions: 3, maxMessageBytes: 1_048_588 }),
      hasCode('PARTITIONS_CHANGED'),
    )
  })

  test('a commit writes outputs and changelog records, and returns the changelog offset', async (trial) => {
    const topic = await trial.topic(2)
    const { application, changelog } = await trial.prepared(2)
    const session = await open(trial, application, 1)
    const outputs = [record(topic, 'a', '1', { partition: 0 }), record(topic, 'b', '2', { partition: 1 })]
    const offset = await committed(session, work(outputs, 'state', 'one'))
    assert.deepEqual(session.changelog, { topic: changelog.topic, partition: 1 })
    assert.equal(session.token.topicId, changelog.id)
    assert.deepEqual(values(await trial.readAll(topic, 0)), ['1'])
    assert.deepEqual(values(await trial.readAll(topic, 1)), ['2'])
    const last = (await trial.readAll(changelog.topic, 1)).at(-1)
    assert.equal(plain(last?.key ?? null), 'state')
    assert.equal(offset, last?.offset)
    assert.ok(session.token.offset < offset)
    await session.close()
  })

  test('commits keep their order, large ones are complete, and a commit may have no outputs', async (trial) => {
    const topic = await trial.topic()
    const { application, changelog } = await trial.prepared(1)
    const session = await open(trial, application, 0)
    const expected: string[] = []
    const offsets: number[] = []
    for (const count of [1, 0, 3_000, 2, 0, 1, 500]) {
      const outputs = Array.from({ length: count }, (_, i) => `${offsets.length}/${i}/${'x'.repeat(200)}`)
      expected.push(...outputs)
      const of = outputs.map((value) => record(topic, 'k', value))
      offsets.push(await committed(session, work(of, `state ${offsets.length}`, String(count))))
    }
    const found = values(await trial.readAll(topic))
    assert.ok(
      found.length === expected.length && found.every((value, i) => value === expected[i]),
      'outputs must be in order',
    )
    const state = (await trial.readAll(changelog.topic)).filter(({ key }) => plain(key)?.startsWith('state'))
    assert.deepEqual(
      state.map(({ offset }) => offset),
      offsets,
    )
    await session.close()
  })

  test('buffered outputs come before the others in every partition', async (trial) => {
    const topic = await trial.topic(3)
    const { application } = await trial.prepared(1)
    const session = await open(trial, application, 0)
    const buffered = session.buffer?.()
    const first = Array.from({ length: 300 }, (_, i) => record(topic, `key-${i % 9}`, `buffered ${i}`))
    const second = Array.from({ length: 30 }, (_, i) => record(topic, `key-${i % 9}`, `other ${i}`))
    for (const output of first) buffered?.add(output)
    const of = work(buffered === undefined ? [...first, ...second] : second, 'state', '1')
    await committed(session, { ...of, ...(buffered && { buffered }) })
    await trial.log.sink.append(Array.from({ length: 9 }, (_, i) => record(topic, `key-${i}`, 'appended')))
    for (let partition = 0; partition < 3; partition++) {
      const found = await trial.readAll(topic, partition)
      const keys = new Set(found.map(({ key }) => plain(key)))
      const own = [...first, ...second].filter(({ key }) => keys.has(plain(key))).map(({ value }) => plain(value))
      assert.deepEqual(values(found), [...own, ...Array.from(keys, () => 'appended')])
    }
    await session.close()
  })

  test('a later owner fences an earlier owner, whose later commits are never visible', async (trial) => {
    const topic = await trial.topic()
    const { application } = await trial.prepared(1)
    const first = await open(trial, application, 0)
    await committed(first, work([record(topic, 'k', 'first')], 's', '1'))
    const second = await open(trial, application, 0)
    assert.ok(second.token.offset > first.token.offset)
    assert.equal(second.token.topicId, first.token.topicId)
    for (let i = 0; i < 2; i++) {
      const late = await first.commit(work([record(topic, 'k', 'late')], 's', 'late'))
      assert.equal(late.outcome, 'fenced')
    }
    await committed(second, work([record(topic, 'k', 'second')], 's', '2'))
    assert.deepEqual(values(await trial.readAll(topic)), ['first', 'second'])
    assert.ok(!values(await trial.readAll(second.changelog.topic)).includes('late'))
    await first.close()
    await first.close()
    await committed(second, work([record(topic, 'k', 'third')], 's', '3'))
    assert.deepEqual(values(await trial.readAll(topic)), ['first', 'second', 'third'])
    await second.close()
  })

  test('the changelog before the token of an owner is final', async (trial) => {
    const { application, changelog } = await trial.prepared(1)
    const at = { topic: changelog.topic, partition: 0 }
    let session = await open(trial, application, 0)
    for (let i = 0; i < 5; i++) {
      await committed(session, work([], 'state', `of owner ${i}`))
      const next = await open(trial, application, 0)
      const from = { ...at, offset: await trial.log.source.earliestOffset(at) }
      const before = await trial.readTo(from, next.token.offset + 1)
      const states = before.filter(({ key, offset }) => plain(key) === 'state' && offset < next.token.offset)
      assert.equal(values(states).at(-1), `of owner ${i}`, 'the last commit before the token must be visible')
      await session.close()
      session = next
    }
    await session.close()
  })

  for (const steps of [0, 1, 2, 4]) {
    test(`a commit that a later owner interrupts after ${steps} requests is visible completely or not at all`, async (trial) => {
      const topic = await trial.topic(2)
      const { application, changelog } = await trial.prepared(1)
      const earlier = await open(trial, application, 0)
      await committed(earlier, work([], 'before', '0'))
      const outputs = Array.from({ length: 2_000 }, (_, i) =>
        record(topic, 'k', `of the earlier ${i}`, { partition: i % 2 }),
      )
      const committing = Promise.allSettled([earlier.commit(work(outputs, 's', 'of the earlier'))])
      for (let i = 0; i < steps; i++) await trial.log.source.endOffset({ topic, partition: 0 }, 'high-watermark')
      const later = await open(trial, application, 0)
      const [ended] = await committing
      assert.equal(ended.status, 'fulfilled', 'a fenced commit must return its outcome, not throw')
      const { outcome } = (ended as PromiseFulfilledResult<CommitResult>).value
      await committed(later, work([record(topic, 'k', 'of the later', { partition: 0 })], 's', 'of the later'))
      const found = values([...(await trial.readAll(topic, 0)), ...(await trial.readAll(topic, 1))])
      const seen = found.filter((value) => value !== 'of the later').length
      const states = values(await trial.readAll(changelog.topic)).filter((value) => value?.startsWith('of the'))
      assert.equal(states.at(-1), 'of the later')
      assert.equal(found.length - seen, 1)
      const isWhole = seen === outputs.length && states.includes('of the earlier')
      const isAbsent = seen === 0 && !states.includes('of the earlier')
      if (outcome === 'committed') assert.ok(isWhole, `committed, but ${seen} of ${outputs.length} outputs are visible`)
      else if (outcome === 'rejected')
        assert.ok(isAbsent, `rejected, but ${seen} of ${outputs.length} outputs are visible`)
      else assert.ok(isWhole || isAbsent, `${outcome}, but ${seen} of ${outputs.length} outputs are visible`)
      await earlier.close()
      await later.close()
    })
  }

  test('the high watermark is after every record that was acknowledged during a commit', async (trial) => {
    const topic = await trial.topic()
    const at = { topic, partition: 0 }
    const { application } = await trial.prepared(1)
    const session = await open(trial, application, 0)
    const ends = new Map<string, number>()
    for (let i = 0; i < 10; i++) {
      const outputs = Array.from({ length: 500 }, () => record(topic, 'k', 'output'))
      const committing = committed(session, work(outputs, 's', String(i)))
      await trial.log.sink.append([record(topic, 'k', `appended ${i}`)])
      ends.set(`appended ${i}`, await trial.log.source.endOffset(at, 'high-watermark'))
      await committing
    }
    for (const { offset, value } of await trial.readAll(topic)) {
      const end = ends.get(plain(value) as string)
      assert.ok(
        end === undefined || offset < end,
        `endOffset returned ${end} although offset ${offset} was already acknowledged`,
      )
    }
    await session.close()
  })

  test('tasks do not fence each other', async (trial) => {
    const topic = await trial.topic()
    const { application } = await trial.prepared(2)
    const other = await trial.prepared(1)
    const sessions = [
      await open(trial, application, 0),
      await open(trial, application, 1),
      await open(trial, other.application, 0),
    ]
    for (const session of sessions) await committed(session, work([record(topic, 'k', 'v')], 's', 'v'))
    for (const session of sessions) await session.close()
    assert.equal((await trial.readAll(topic)).length, 3)
  })

  test('sessions that commit at the same time have all their records, in the order of their commits', async (trial) => {
    const topic = await trial.topic()
    const { application, changelog } = await trial.prepared(4)
    const sessions = await Promise.all([0, 1, 2, 3].map((task) => open(trial, application, task)))
    const offsets = sessions.map((): number[] => [])
    const commits = [0, 1, 2, 3, 4]
    for (const i of commits) {
      const commit = async (session: TaskSession, task: number) =>
        offsets[task]?.push(await committed(session, work([record(topic, 'k', `${task}/${i}`)], 'state', String(i))))
      await Promise.all(sessions.map(commit))
    }
    const outputs = values(await trial.readAll(topic))
    for (const [task, session] of sessions.entries()) {
      const own = outputs.filter((value) => value?.startsWith(`${task}/`))
      assert.deepEqual(
        own,
        Array.from(commits, (i) => `${task}/${i}`),
      )
      const states = (await trial.readAll(changelog.topic, task)).filter(({ key }) => plain(key) === 'state')
      const found = states.map(({ offset }) => offset)
      assert.deepEqual(found, offsets[task]?.slice(-found.length))
      assert.equal(values(states).at(-1), '4')
      await session.close()
    }
  })

  test('of sessions that commit at the same time, one that is superseded is fenced, and the others are committed', async (trial) => {
    const topic = await trial.topic()
    const { application, changelog } = await trial.prepared(3)
    const sessions = await Promise.all([0, 1, 2].map((task) => open(trial, application, task)))
    const later = await open(trial, application, 1)
    const commit = (session: TaskSession, task: number) =>
      session.commit(work([record(topic, 'k', `${task}`)], 's', 'x'))
    const outcomes = (await Promise.all(sessions.map(commit))).map(({ outcome }) => outcome)
    assert.deepEqual(outcomes, ['committed', 'fenced', 'committed'])
    assert.deepEqual(values(await trial.readAll(topic)).sort(), ['0', '2'])
    assert.ok(!values(await trial.readAll(changelog.topic, 1)).includes('x'))
    await committed(later, work([], 's', 'y'))
    for (const session of [...sessions, later]) await session.close()
  })

  test('a commit with an output to a missing topic fails and writes nothing, if topics are not created on first use', async (trial) => {
    const { missingTopic } = trial.fixture
    if (missingTopic === undefined) return
    const topic = await trial.topic()
    const { application, changelog } = await trial.prepared(1)
    const session = await open(trial, application, 0)
    const lost = work([record(topic, 'k', 'lost'), record(missingTopic, 'k', 'lost')], 's', 'lost')
    await assert.rejects(session.commit(lost), hasCode('TOPIC_MISSING'))
    await session.close()
    const next = await open(trial, application, 0)
    await committed(next, work([record(topic, 'k', 'kept')], 's', 'kept'))
    assert.deepEqual(values(await trial.readAll(topic)), ['kept'])
    assert.ok(!values(await trial.readAll(changelog.topic)).includes('lost'))
    await next.close()
  })
}
