import { type Mutant, mutantOf } from './mutant.js'

const mutant = mutantOf('joins')

const ATTEMPT = 'core/src/task/task-attempt.ts'

const TASK_HEALTH = 'core/src/task/stall/task-health.ts'
const TASK_PROGRESS = 'core/src/task/stall/task-progress.ts'
const MONITOR = 'core/src/app/stall-monitor.ts'

/** Mistakes in how an application reports its health, and in how it halts. */
export const HEALTH_MUTANTS: readonly Mutant[] = [
  mutant(
    'an application that has been ready once stays ready',
    TASK_HEALTH,
    "if (phase === 'paused' || phase === 'ended') return false\n    const { failingSince",
    "if (phase === 'paused' || phase === 'ended') return false\n    if (this.#hasRun) return true\n    const { failingSince",
  ),
  mutant(
    'a store that does not respond is not a stall',
    TASK_HEALTH,
    "if (phase === 'paused' || phase === 'ended' || attempt?.hasWork === false) return undefined",
    "if (phase === 'paused' || phase === 'ended' || attempt?.hasWork === false || this.storeCalls.oldest) return undefined",
  ),
  mutant(
    'a stall that has ended is reported forever',
    MONITOR,
    'if (all.has(task) && task.health.stall(afterMs) !== undefined) continue',
    'if (all.has(task)) continue',
  ),
  mutant(
    'a task that has failed is never well again',
    TASK_PROGRESS,
    'this.#failingSince = undefined',
    'this.#failingSince ??= undefined',
  ),
  {
    name: 'a record that halts the application takes what comes before it along',
    workload: 'joins',
    edits: [
      {
        file: ATTEMPT,
        find: 'if (this.#halt !== undefined && this.#mayHalt) throw this.#halt',
        replace: 'if (this.#halt !== undefined) throw this.#halt',
      },
      { file: ATTEMPT, find: 'batch.isUrgent || this.#halt ||', replace: 'batch.isUrgent ||' },
    ],
  },
]
