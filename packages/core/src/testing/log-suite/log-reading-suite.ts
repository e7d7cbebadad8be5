import assert from 'node:assert/strict'
import type { ReadPosition } from '../../log/contract.js'
import { partitionFor } from '../../log/murmur2.js'
import type { LogRecord } from '../../record.js'
import { hasCode, type LogTest, plain, record, TIMESTAMP, values } from './log-trial.js'

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, i) => String(from + i))

/** Layers 1 and 2: reading and appending. */
export function logReadingSuite(test: LogTest): void {
  test('records are read as they were appended, in order', async (trial) => {
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

  test('keys, values and header values can contain any bytes', async (trial) => {
    const topic = await trial.topic()
    const allBytes = Uint8Array.from({ length: 256 }, (_, i) => i)
    const part = allBytes.subarray(100, 110)
    await trial.log.sink.append([record(topic, null, null, { key: part, value: allBytes, headers: [['ü', part]] })])
    const [found] = await trial.readAll(topic)
    assert.deepEqual(Array.from(found?.key ?? []), Array.from(part))
    assert.deepEqual(Array.from(found?.value ?? []), Array.from(allBytes))
    assert.equal(found?.headers[0]?.[0], 'ü')
  })

  test('thousands of records are read in order, each once, from any offset', async (trial) => {
    const topic = await trial.topic()
    const padding = 'x'.repeat(300)
    for (let i = 0; i < 4; i++)
      await trial.log.sink.append(numbers(2_000, i * 2_000).map((n) => record(topic, `k${n}`, n + padding)))
    const all = await trial.readAll(topic)
    const expected = numbers(8_000).map((n) => n + padding)
    assert.ok(
      all.length === expected.length && values(all).every((value, i) => value === expected[i]),
      `expected 8000 records in order, got ${all.length}, or another order`,
    )
    const until = await trial.log.source.endOffset({ topic, partition: 0 }, 'high-watermark')
    for (const at of [1, 37, 1_999, 2_000, 2_001, 7_999]) {
      const from = all[at] as LogRecord
      const found = await trial.readTo({ topic, partition: 0, offset: from.offset }, until)
      assert.equal(found[0]?.offset, from.offset, 'reading must begin with the record at the requested offset')
      assert.equal(found.length, all.length - at)
    }
  })

  test('a key determines the partition as in the Java client; an explicit partition overrides it', async (trial) => {
    const topic = await trial.topic(3)
    const keys = Array.from({ length: 30 }, (_, i) => `key-${i}`)
    await trial.log.sink.append(keys.map((key) => record(topic, key, key)))
    await trial.log.sink.append([record(topic, 'key-0', 'forced', { partition: 2 })])
    for (let partition = 0; partition < 3; partition++) {
      const inPartition = keys.filter((key) => partitionFor(Buffer.from(key), 3) === partition)
      const expected = partition === 2 ? [...inPartition, 'forced'] : inPartition
      assert.deepEqual(values(await trial.readAll(topic, partition)), expected)
    }
  })

  test('a reader reports that it has caught up, continues with new records, and ends when its signal aborts', async (trial) => {
    const topic = await trial.topic()
    await trial.log.sink.append([record(topic, 'k', '1')])
    const stop = new AbortController()
    const reader = trial.batches({ topic, partition: 0, offset: 0 }, stop.signal)
    const until = async (
      isExpected: (batch: { records: readonly LogRecord[]; next: number; end: number }) => boolean,
    ) => {
      const seen: LogRecord[] = []
      for (;;) {
        const { value, done } = await reader.next()
        assert.ok(!done, 'a reader must continue until its signal aborts')
        seen.push(...value.records)
        if (isExpected(value)) return seen
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

  test('a reader whose signal is already aborted ends without an error', async (trial) => {
    const topic = await trial.topic()
    await trial.log.sink.append([record(topic, 'k', '1')])
    for await (const batch of trial.batches({ topic, partition: 0, offset: 0 }, AbortSignal.abort()))
      assert.ok(batch.next >= 0) // it may still yield what it has
  })

  test('readers are independent', async (trial) => {
    const topic = await trial.topic()
    await trial.log.sink.append(numbers(50).map((n) => record(topic, 'k', n)))
    for await (const _ of trial.batches({ topic, partition: 0, offset: 0 })) break
    const both = await Promise.all([trial.readAll(topic), trial.readAll(topic)])
    for (const found of both) assert.deepEqual(values(found), numbers(50))
  })

  test('reading can begin at the end, and waits for new records', async (trial) => {
    const topic = await trial.topic()
    await trial.log.sink.append([record(topic, 'k', 'before')])
    const offset = await trial.log.source.endOffset({ topic, partition: 0 }, 'high-watermark')
    const reading = trial.readTo({ topic, partition: 0, offset }, offset + 1)
    await trial.log.sink.append([record(topic, 'k', 'after')])
    assert.deepEqual(values(await reading), ['after'])
  })

  test('reading from an offset beyond the end fails', async (trial) => {
    const topic = await trial.topic()
    await trial.log.sink.append([record(topic, 'k', '1')])
    const beyond = { topic, partition: 0, offset: 1_000 }
    await assert.rejects(trial.readTo(beyond, 1_001), hasCode('OFFSET_OUT_OF_RANGE'))
  })

  test('reading from a deleted offset fails, if the log deletes records', async (trial) => {
    const topic = await trial.topic()
    const at = { topic, partition: 0 }
    await trial.log.sink.append(numbers(20).map((n) => record(topic, 'k', n)))
    await trial.fixture.deleteRecords?.(at, 10)
    const earliest = await trial.log.source.earliestOffset(at)
    const until = await trial.log.source.endOffset(at, 'high-watermark')
    const found = await trial.readTo({ ...at, offset: earliest }, until)
    assert.equal(found[0]?.offset, earliest, 'the earliest offset must be readable')
    if (trial.fixture.deleteRecords === undefined) return assert.equal(earliest, 0)
    assert.ok(earliest >= 10, `after deleting records before offset 10, the earliest offset is ${earliest}`)
    for (const offset of [0, 9])
      await assert.rejects(
        trial.readTo({ ...at, offset }, until),
        hasCode('OFFSET_OUT_OF_RANGE'),
        `reading from ${offset}`,
      )
  })

  test('a position with a leader epoch can be read from, unless the log has lost what comes before it', async (trial) => {
    const topic = await trial.topic()
    const at = { topic, partition: 0 }
    await trial.log.sink.append(numbers(4).map((n) => record(topic, 'k', n)))
    let position: ReadPosition = { ...at, offset: 0 }
    for await (const { next, leaderEpoch } of trial.batches(position)) {
      position = { ...at, offset: next, leaderEpoch }
      if (next >= 4) break
    }
    await trial.log.sink.append(numbers(2).map((n) => record(topic, 'k', n)))
    const end = await trial.log.source.endOffset(at, 'high-watermark')
    assert.deepEqual(values(await trial.readTo(position, end)), numbers(2))
    if (trial.fixture.truncate === undefined) return
    await trial.fixture.truncate(at, 3)
    await trial.log.sink.append(numbers(9).map((n) => record(topic, 'k', n)))
    await assert.rejects(trial.readTo(position, 12), hasCode('OFFSET_OUT_OF_RANGE'), 'the log has grown again')
  })

  test('end offsets are current, and after every acknowledged record', async (trial) => {
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

  test('a compacted topic keeps the latest record for each key, and reading skips the gaps', async (trial) => {
    const topic = await trial.topic(1, true)
    const sent = numbers(12_000).map((n, i) => record(topic, `key-${i % 10}`, n))
    for (let i = 0; i < sent.length; i += 3_000) await trial.log.sink.append(sent.slice(i, i + 3_000))
    const found = await trial.readAll(topic)
    const latest = new Map(found.map(({ key, value }) => [plain(key), plain(value)]))
    const expected = numbers(10, 11_990).map((n, i) => [`key-${i}`, n] as const)
    assert.deepEqual([...latest].sort(), expected)
  })

  test('topics are described in the requested order', async (trial) => {
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
    const [sameTopic] = await log.source.describe([events])
    assert.equal(sameTopic?.id, infos[0]?.id)
    const { missingTopic } = fixture
    if (missingTopic !== undefined) await assert.rejects(log.source.describe([missingTopic]), hasCode('TOPIC_MISSING'))
  })
}
