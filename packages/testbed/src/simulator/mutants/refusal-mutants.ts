import { type Mutant, mutantOf } from './mutant.js'

const mutant = mutantOf('joins')

const REFUSED_RECORDS = 'kafkajs/src/writer/refused-records.ts'

/** Mistakes with records that brokers refuse for good. */
export const REFUSAL_MUTANTS: readonly Mutant[] = [
  mutant(
    'what brokers refuse is forgotten when the task is reopened',
    'core/src/task/commit/committer.ts',
    'this.#options.refused.add(result.cause)',
    'false',
  ),
  mutant(
    'the search for a refused record ends with the first half',
    REFUSED_RECORDS,
    'for (const half of [suspects.slice(0, middle), suspects.slice(middle)])',
    'for (const half of [suspects.slice(0, middle)])',
  ),
  mutant(
    'a batch without named records is taken to be refused because of its first record',
    REFUSED_RECORDS,
    '  await search(records)\n',
    '  found.push(...records.slice(0, 1))\n',
  ),
  mutant(
    'a record is dropped when brokers have refused its result',
    'core/src/outcome/outcome-recorder.ts',
    '    const { plan, input } = this.#options\n',
    "    const { plan, input } = this.#options\n    if (failure.reason === 'refused') return this.drop(effects, record, failure.reason)\n",
  ),
]
