import type { Mutant } from './mutant.js'

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
]
