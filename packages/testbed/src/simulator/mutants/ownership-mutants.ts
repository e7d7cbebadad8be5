import { type Mutant, mutantOf } from './mutant.js'

const mutant = mutantOf('joins')

const GROUP_COMMIT = 'kafkajs/src/writer/group-commit/group-commit.ts'
const OWNERSHIP = 'kafkajs/src/writer/group-commit/changelog-ownership.ts'
const PRODUCER = 'kafkajs/src/writer/producer.ts'

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
  {
    name: 'an OWNER matters only once its transaction has ended',
    workload: 'joins',
    edits: [
      {
        file: OWNERSHIP,
        find: '    let at = from\n',
        replace: '    let at = from\n    const open = new Set<bigint>()\n',
      },
      {
        file: OWNERSHIP,
        find: 'if (!batch.isControl && batch.records().some(this.#isOtherOwner)) return true',
        replace:
          'if (!batch.isControl && batch.records().some(isOwner)) open.add(batch.producerId)\n      if (batch.isControl && open.has(batch.producerId)) return true',
      },
    ],
  },
  mutant(
    'the marker of another transactional id is counted before it is written',
    OWNERSHIP,
    'let expected = this.#committedBy === producer ? this.#lastOffset + 2 : undefined',
    'let expected: number | undefined = this.#lastOffset + 2',
  ),
  mutant(
    'only the first task of an unclear commit is opened again',
    GROUP_COMMIT,
    "for (const { resolve } of taken) resolve({ outcome: 'unclear', cause })",
    "const [first, ...others] = taken\n      first?.resolve({ outcome: 'unclear', cause })\n      this.#queue.putBack(others)",
  ),
]
