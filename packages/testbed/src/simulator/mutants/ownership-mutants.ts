import { type Mutant, mutantOf } from './mutant.js'

const mutant = mutantOf('joins')

const OWNERSHIP = 'kafkajs/src/writer/group-commit/changelog-ownership.ts'
const PRODUCER = 'kafkajs/src/writer/producer.ts'
const IS_OWNER = 'if (!batch.isControl && batch.records().some(this.#isOtherOwner)) return true'

/** Mistakes in deciding from the offsets of a changelog who owns a task. */
export const OWNERSHIP_MUTANTS: readonly Mutant[] = [
  {
    name: 'a batch at a lower offset than expected counts',
    workload: 'joins',
    edits: [
      {
        file: OWNERSHIP,
        find: "if (baseOffset < (expected ?? from)) return 'truncated'",
        replace: "if (baseOffset < 0) return 'truncated'",
      },
      {
        file: PRODUCER,
        find: 'if (baseOffset < (this.#ends.get(id) ?? 0)) return',
        replace: 'if (baseOffset < 0) return',
      },
    ],
  },
  mutant(
    'the marker of another transactional id is counted before it is written',
    OWNERSHIP,
    'let expected = this.#committedBy === producer ? this.#lastOffset + 2 : undefined',
    'let expected: number | undefined = this.#lastOffset + 2',
  ),
  {
    name: 'an OWNER in a gap is overlooked while its transaction is open',
    workload: 'joins',
    edits: [
      {
        file: OWNERSHIP,
        find: '    let at = from\n',
        replace: '    let at = from\n    const owners = new Set<bigint>()\n',
      },
      {
        file: OWNERSHIP,
        find: IS_OWNER,
        replace:
          'if (!batch.isControl && batch.records().some(this.#isOtherOwner)) owners.add(batch.producerId)\n      if (batch.isControl && owners.has(batch.producerId)) return true',
      },
    ],
  },
  {
    name: 'an earlier producer id of the session is taken for that of another owner',
    workload: 'joins',
    edits: [
      {
        file: OWNERSHIP,
        find: 'this.#mayHoldOwner(from, baseOffset)',
        replace: 'this.#mayHoldOwner(from, baseOffset, producer)',
      },
      {
        file: OWNERSHIP,
        find: '#mayHoldOwner(from: number, to: number)',
        replace: '#mayHoldOwner(from: number, to: number, { producerId }: TransactionalProducer)',
      },
      {
        file: OWNERSHIP,
        find: IS_OWNER,
        replace: 'if (!batch.isControl && batch.producerId !== producerId) return true',
      },
    ],
  },
  mutant(
    'a marker that was written twice is taken for another owner',
    OWNERSHIP,
    'if (baseOffset !== expected && (await this.#mayHoldOwner(from, baseOffset)))',
    'if (baseOffset !== expected && (expected !== undefined || (await this.#mayHoldOwner(from, baseOffset))))',
  ),
  mutant(
    'only the first batch of a commit is checked for another owner',
    OWNERSHIP,
    'for (const { baseOffset, builder } of batches) {',
    'for (const { baseOffset, builder } of batches.slice(0, 1)) {',
  ),
]
