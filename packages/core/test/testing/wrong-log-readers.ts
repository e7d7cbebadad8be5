import type { TopicPartition } from '../../src/log.js'
import { type WrongLog, withBatches, withSource } from './wrong-log.js'

/** Wrong about reading and appending. */
export const WRONG_LOG_READERS: readonly WrongLog[] = [
  {
    what: 'loses the order of what is appended at once',
    section: 'reading and appending',
    test: 'in order',
    make: (log) => ({ ...log, sink: { append: (records) => log.sink.append([...records].reverse()) } }),
  },
  {
    what: 'takes null for empty',
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
    what: 'keeps one header of each name',
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
    what: 'partitions in another way',
    section: 'reading and appending',
    test: 'where the Java client would put it',
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
    what: 'drops a record at the end of a batch now and then',
    section: 'reading and appending',
    test: 'thousands of records',
    make: (log) =>
      withBatches(log, (batch) => ({
        ...batch,
        records: batch.records.slice(0, batch.records.length === 1_000 ? 999 : undefined),
      })),
  },
  {
    what: 'begins with the whole batch that an offset is in',
    section: 'reading and appending',
    test: 'from wherever reading begins',
    make: (log) =>
      withSource(log, (source) => ({
        read: (from, signal) => source.read({ ...from, offset: from.offset - (from.offset % 10) }, signal),
      })),
  },
  {
    what: 'jumps in silence to the earliest offset that there is',
    section: 'reading and appending',
    test: 'an offset that was deleted is an error',
    make: (log) =>
      withSource(log, (source) => ({
        async *read(from, signal) {
          yield* source.read({ ...from, offset: Math.max(from.offset, await source.earliestOffset(from)) }, signal)
        },
      })),
  },
  {
    what: 'jumps in silence to its end',
    section: 'reading and appending',
    test: 'an offset beyond the end is an error',
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
    what: 'has ends from a while ago',
    section: 'reading and appending',
    test: 'ends are asked anew',
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
    what: 'stops before what is no record: markers, and what was cleaned away',
    section: 'tasks',
    test: 'a commit writes outputs and changelog',
    make: (log) =>
      withBatches(log, (batch, from) => ({ ...batch, next: (batch.records.at(-1)?.offset ?? from - 1) + 1 })),
  },
  {
    what: 'does not tell that a reader has caught up',
    section: 'reading and appending',
    test: 'a reader that has caught up is told so',
    make: (log) => withBatches(log, (batch) => ({ ...batch, end: batch.end + 1 })),
  },
  {
    what: 'ends a reader that has caught up',
    section: 'reading and appending',
    test: 'a reader that has caught up is told so',
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
    what: 'throws when a reader is told to stop',
    section: 'reading and appending',
    test: 'ends when it is told to',
    make: (log) =>
      withSource(log, (source) => ({
        async *read(from, signal) {
          yield* source.read(from, signal)
          signal.throwIfAborted()
        },
      })),
  },
  {
    what: 'describes topics in an order of its own',
    section: 'reading and appending',
    test: 'topics are described',
    make: (log) => withSource(log, (source) => ({ describe: (topics) => source.describe([...topics].sort()) })),
  },
  {
    what: 'gives all topics one identity',
    section: 'reading and appending',
    test: 'topics are described',
    make: (log) =>
      withSource(log, (source) => ({
        describe: async (topics) => (await source.describe(topics)).map((info) => ({ ...info, id: '' })),
      })),
  },
]
