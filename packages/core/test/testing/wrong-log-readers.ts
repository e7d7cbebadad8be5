import { JoineryError } from '../../src/index.js'
import type { TopicPartition } from '../../src/log.js'
import { type WrongLog, withBatches, withSource } from './wrong-log.js'

/** Mistakes in reading and appending. */
export const WRONG_LOG_READERS: readonly WrongLog[] = [
  {
    what: 'reverses the order of records that are appended together',
    section: 'reading and appending',
    test: 'in order',
    make: (log) => ({ ...log, sink: { append: (records) => log.sink.append([...records].reverse()) } }),
  },
  {
    what: 'replaces null by empty bytes',
    section: 'reading and appending',
    test: 'as they were appended',
    make: (log) => ({
      ...log,
      sink: {
        append: (records) =>
          log.sink.append(records.map((each) => ({ ...each, value: each.value ?? Buffer.alloc(0) }))),
      },
    }),
  },
  {
    what: 'keeps only one header of each name',
    section: 'reading and appending',
    test: 'as they were appended',
    make: (log) => ({
      ...log,
      sink: {
        append: (records) => log.sink.append(records.map((each) => ({ ...each, headers: [...new Map(each.headers)] }))),
      },
    }),
  },
  {
    what: 'uses another partitioner',
    section: 'reading and appending',
    test: 'as in the Java client',
    make: (log) => ({
      ...log,
      sink: {
        append: (records) =>
          log.sink.append(
            records.map((each) => ({
              partition: each.topic.startsWith('delete-3') ? (each.key?.at(-1) ?? 0) % 3 : 0,
              ...each,
            })),
          ),
      },
    }),
  },
  {
    what: 'refuses its own leader epochs',
    section: 'reading and appending',
    test: 'a position with a leader epoch',
    make: (log) =>
      withSource(log, (source) => ({
        async *read(from, signal) {
          const { offset, leaderEpoch } = from
          if (leaderEpoch !== undefined) throw new JoineryError('OFFSET_OUT_OF_RANGE', `${leaderEpoch} at ${offset}`)
          for await (const batch of source.read(from, signal)) yield { ...batch, leaderEpoch: batch.next }
        },
      })),
  },
  {
    what: 'sometimes drops the last record of a batch',
    section: 'reading and appending',
    test: 'thousands of records',
    make: (log) =>
      withBatches(log, (batch) => ({
        ...batch,
        records: batch.records.slice(0, batch.records.length === 1_000 ? 999 : undefined),
      })),
  },
  {
    what: 'begins at the start of the batch that contains the offset',
    section: 'reading and appending',
    test: 'from any offset',
    make: (log) =>
      withSource(log, (source) => ({
        read: (from, signal) => source.read({ ...from, offset: from.offset - (from.offset % 10) }, signal),
      })),
  },
  {
    what: 'skips to the earliest offset silently',
    section: 'reading and appending',
    test: 'reading from a deleted offset fails',
    make: (log) =>
      withSource(log, (source) => ({
        async *read(from, signal) {
          yield* source.read({ ...from, offset: Math.max(from.offset, await source.earliestOffset(from)) }, signal)
        },
      })),
  },
  {
    what: 'skips to the end silently',
    section: 'reading and appending',
    test: 'reading from an offset beyond the end fails',
    make: (log) =>
      withSource(log, (source) => ({
        async *read(from, signal) {
          yield* source.read(
            { ...from, offset: Math.min(from.offset, await source.endOffset(from, 'high-watermark')) },
            signal,
          )
        },
      })),
  },
  {
    what: 'returns cached end offsets',
    section: 'reading and appending',
    test: 'end offsets are current',
    make: (log) => {
      const known = new Map<string, number>()
      const of = ({ topic, partition }: TopicPartition) => `${topic}/${partition}`
      return withSource(log, (source) => ({
        async endOffset(at, kind) {
          const before = known.get(of(at))
          known.set(of(at), await source.endOffset(at, kind))
          return before ?? (known.get(of(at)) as number)
        },
      }))
    },
  },
  {
    what: 'does not advance past offsets without a record, such as markers',
    section: 'tasks',
    test: 'a commit writes outputs and changelog records',
    make: (log) =>
      withBatches(log, (batch, from) => ({ ...batch, next: (batch.records.at(-1)?.offset ?? from - 1) + 1 })),
  },
  {
    what: 'does not report that a reader has caught up',
    section: 'reading and appending',
    test: 'a reader reports that it has caught up',
    make: (log) => withBatches(log, (batch) => ({ ...batch, end: batch.end + 1 })),
  },
  {
    what: 'ends reading when the reader has caught up',
    section: 'reading and appending',
    test: 'a reader reports that it has caught up',
    make: (log) =>
      withSource(log, (source) => ({
        async *read(from, signal) {
          for await (const batch of source.read(from, signal)) {
            yield batch
            if (batch.next >= batch.end) return
          }
        },
      })),
  },
  {
    what: 'throws when the signal of a reader aborts',
    section: 'reading and appending',
    test: 'ends when its signal aborts',
    make: (log) =>
      withSource(log, (source) => ({
        async *read(from, signal) {
          yield* source.read(from, signal)
          signal.throwIfAborted()
        },
      })),
  },
  {
    what: 'describes topics in another order',
    section: 'reading and appending',
    test: 'topics are described',
    make: (log) => withSource(log, (source) => ({ describe: (topics) => source.describe([...topics].sort()) })),
  },
  {
    what: 'gives all topics the same id',
    section: 'reading and appending',
    test: 'topics are described',
    make: (log) =>
      withSource(log, (source) => ({
        describe: async (topics) => (await source.describe(topics)).map((info) => ({ ...info, id: '' })),
      })),
  },
]
