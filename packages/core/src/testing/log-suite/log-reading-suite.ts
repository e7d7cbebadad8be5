import assert from 'node:assert/strict'
import { partitionFor } from '../../log/murmur2.js'
import type { LogRecord } from '../../record.js'
import { hasCode, type LogTest, plain, record, TIMESTAMP, values } from './log-trial.js'

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, i) => String(from + i))

/** Layers 1 and 2: reading and appending. */
export function logReadingSuite(test: LogTest): void {
  test('records come back as they were appended, in order', async (trial) => {
    const topic = await trial.topic()
    const headers = [
      ['a', Buffer.from('1')],
      ['a', null],
      ['b', Buffer.alloc(0)],
    ] as const
    await trial.log.sink.append([
      record(topic, 'k', 'v', { headers }),
      record(topic, null, 'no key'),
      record(topic, 'gone', null),
      record(topic, '', ''),
    ])
    await trial.log.sink.append([record(topic, 'k', 'later', { timestamp: TIMESTAMP - 5 })])
    const found = await trial.readAll(topic)
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
          timestamp: TIMESTAMP,
          headers: [
            ['a', '1'],
            ['a', null],
            ['b', ''],
          ],
        },
        { key: null, value: 'no key', timestamp: TIMESTAMP, headers: [] },
        { key: 'gone', value: null, timestamp: TIMESTAMP, headers: [] },
        { key: '', value: '', timestamp: TIMESTAMP, headers: [] },
        { key: 'k', value: 'later', timestamp: TIMESTAMP - 5, headers: [] },
      ],
    )
  })

  test('bytes are bytes', async (trial) => {
    const topic = await trial.topic()
    const every = Uint8Array.from({ length: 256 }, (_, i) => i)
    const part = every.subarray(100, 110)
    await trial.log.sink.append([record(topic, null, null, { key: part, value: every, headers: [['ü', part]] })])
    const [found] = await trial.readAll(topic)
    assert.deepEqual(Array.from(found?.key ?? []), Array.from(part))
    assert.deepEqual(Array.from(found?.value ?? []), Array.from(every))
    assert.equal(found?.headers[0]?.[0], 'ü')
  })

  test('thousands of records come in order, each once, from wherever reading begins', async (trial) => {
    const topic = await trial.topic()
    const padding = 'x'.repeat(300)
    for (let i = 0; i < 4; i++)
      await trial.log.sink.append(numbers(2_000, i * 2_000).map((n) => record(topic, `k${n}`, n + padding)))
    const all = await trial.readAll(topic)
    const expected = numbers(8_000).map((n) => n + padding)
    assert.ok(
      all.length === expected.length && values(all).every((value, i) => value === expected[i]),
      `8000 records in order, not ${all.length}, or in another order`,
    )
    const until = await trial.log.source.endOffset({ topic, partition: 0 }, 'high-watermark')
    for (const at of [1, 37, 1_999, 2_000, 2_001, 7_999]) {
      const from = all[at] as LogRecord
      const found = await trial.readTo({ topic, partition: 0, offset: from.offset }, until)
      assert.equal(found[0]?.offset, from.offset, 'reading begins with the record that was asked for')
      assert.equal(found.length, all.length - at)
    }
  })

  test('a key goes where the Java client would put it, an explicit partition overrules', async (trial) => {
    const topic = await trial.topic(3)
    const keys = Array.from({ length: 30 }, (_, i) => `key-${i}`)
    await trial.log.sink.append(keys.map((key) => record(topic, key, key)))
    await trial.log.sink.append([record(topic, 'key-0', 'forced', { partition: 2 })])
    for (let partition = 0; partition < 3; partition++) {
      const here = keys.filter((key) => partitionFor(Buffer.from(key), 3) === partition)
      const expected = partition === 2 ? [...here, 'forced'] : here
      assert.deepEqual(values(await trial.readAll(topic, partition)), expected)
    }
  })

  test('a reader that has caught up is told so, woken by what comes, and ends when it is told to', async (trial) => {
    const topic = await trial.topic()
    await trial.log.sink.append([record(topic, 'k', '1')])
    const stop = new AbortController()
    const reader = trial.batches({ topic, partition: 0, offset: 0 }, stop.signal)
    const until = async (
      isEnough: (batch: { records: readonly LogRecord[]; next: number; end: number }) => boolean,
    ) => {
      const seen: LogRecord[] = []
      for (;;) {
        const { value, done } = await reader.next()
        assert.ok(!done, 'a reader goes on until it is told to stop')
        seen.push(...value.records)
        if (isEnough(value)) return seen
      }
    }
    assert.deepEqual(values(await until(({ next, end }) => next >= end)), ['1'])
    await trial.log.sink.append([record(topic, 'k', '2')])
    assert.deepEqual(values(await until(({ records }) => records.length > 0)), ['2'])
    const pending = reader.next()
    stop.abort()
    let last = await pending
    while (!last.done) last = await reader.next()
    assert.equal(last.done, true)
  })

  test('a reader that was stopped before it began ends without an error', async (trial) => {
    const topic = await trial.topic()
    await trial.log.sink.append([record(topic, 'k', '1')])
    for await (const batch of trial.batches({ topic, partition: 0, offset: 0 }, AbortSignal.abort()))
      assert.ok(batch.next >= 0) // what it has already may still come
  })

  test('readers do not disturb each other', async (trial) => {
    const topic = await trial.topic()
    await trial.log.sink.append(numbers(50).map((n) => record(topic, 'k', n)))
    for await (const _ of trial.batches({ topic, partition: 0, offset: 0 })) break
    const both = await Promise.all([trial.readAll(topic), trial.readAll(topic)])
    for (const found of both) assert.deepEqual(values(found), numbers(50))
  })

  test('reading begins at the end, too, and waits there', async (trial) => {
    const topic = await trial.topic()
    await trial.log.sink.append([record(topic, 'k', 'before')])
    const offset = await trial.log.source.endOffset({ topic, partition: 0 }, 'high-watermark')
    const reading = trial.readTo({ topic, partition: 0, offset }, offset + 1)
    await trial.log.sink.append([record(topic, 'k', 'behind')])
    assert.deepEqual(values(await reading), ['behind'])
  })

  test('an offset beyond the end is an error, not a jump', async (trial) => {
    const topic = await trial.topic()
    await trial.log.sink.append([record(topic, 'k', '1')])
    const beyond = { topic, partition: 0, offset: 1_000 }
    await assert.rejects(trial.readTo(beyond, 1_001), hasCode('OFFSET_OUT_OF_RANGE'))
  })

  test('an offset that was deleted is an error, not a jump; if anything is ever deleted', async (trial) => {
    const topic = await trial.topic()
    const at = { topic, partition: 0 }
    await trial.log.sink.append(numbers(20).map((n) => record(topic, 'k', n)))
    await trial.fixture.trim?.(at, 10)
    const earliest = await trial.log.source.earliestOffset(at)
    const until = await trial.log.source.endOffset(at, 'high-watermark')
    const found = await trial.readTo({ ...at, offset: earliest }, until)
    assert.equal(found[0]?.offset, earliest, 'the earliest offset can be read')
    if (trial.fixture.trim === undefined) return assert.equal(earliest, 0)
    assert.ok(earliest >= 10, `after trim to 10 the earliest offset is ${earliest}`)
    for (const offset of [0, 9])
      await assert.rejects(
        trial.readTo({ ...at, offset }, until),
        hasCode('OFFSET_OUT_OF_RANGE'),
        `reading from ${offset}`,
      )
  })

  test('ends are asked anew, and behind what was acknowledged', async (trial) => {
    const { log } = trial
    const topic = await trial.topic()
    const at = { topic, partition: 0 }
    assert.equal(await log.source.earliestOffset(at), 0)
    assert.equal(await log.source.endOffset(at, 'high-watermark'), 0)
    for (const count of [2, 4, 6]) {
      await log.sink.append([record(topic, 'k', '1'), record(topic, 'k', '2')])
      assert.ok((await log.source.endOffset(at, 'high-watermark')) >= count)
      assert.ok((await log.source.endOffset(at, 'last-stable-offset')) >= count)
    }
  })

  test('a compacted topic has the latest record of each key, and reading passes what was cleaned away', async (trial) => {
    const topic = await trial.topic(1, true)
    const sent = numbers(12_000).map((n, i) => record(topic, `key-${i % 10}`, n))
    for (let i = 0; i < sent.length; i += 3_000) await trial.log.sink.append(sent.slice(i, i + 3_000))
    const found = await trial.readAll(topic)
    const latest = new Map(found.map(({ key, value }) => [plain(key), plain(value)]))
    const expected = numbers(10, 11_990).map((n, i) => [`key-${i}`, n] as const)
    assert.deepEqual([...latest].sort(), expected)
  })

  test('topics are described in the order asked', async (trial) => {
    const { log, fixture } = trial
    const rows = await trial.topic(2, true)
    const events = await trial.topic(3)
    const infos = await log.source.describe([events, rows])
    assert.deepEqual(
      infos.map(({ topic, partitions, cleanup }) => ({ topic, partitions, cleanup })),
      [
        { topic: events, partitions: 3, cleanup: 'delete' },
        { topic: rows, partitions: 2, cleanup: 'compact' },
      ],
    )
    assert.notEqual(infos[0]?.id, infos[1]?.id)
    const [again] = await log.source.describe([events])
    assert.equal(again?.id, infos[0]?.id)
    const { missingTopic } = fixture
    if (missingTopic !== undefined) await assert.rejects(log.source.describe([missingTopic]), hasCode('TOPIC_MISSING'))
  })
}
