import { BLOCKING_MUTANTS } from './blocking-mutants.js'
import { BOUND_MUTANTS } from './bound-mutants.js'
import { CALL_MUTANTS } from './call-mutants.js'
import { COMMIT_MUTANTS } from './commit-mutants.js'
import { CONNECTION_MUTANTS } from './connection-mutants.js'
import { GROUP_COMMIT_MUTANTS } from './group-commit-mutants.js'
import { HEALTH_MUTANTS } from './health-mutants.js'
import type { Mutant } from './mutant.js'
import { OWNERSHIP_MUTANTS } from './ownership-mutants.js'
import { REFUSAL_MUTANTS } from './refusal-mutants.js'
import { RESTORE_MUTANTS } from './restore-mutants.js'
import { TASK_MUTANTS } from './task-mutants.js'
import { WAIT_MUTANTS } from './wait-mutants.js'

/** Every seeded bug. The simulator has to catch each of them. */
export const MUTANTS: readonly Mutant[] = [
  ...COMMIT_MUTANTS,
  ...GROUP_COMMIT_MUTANTS,
  ...OWNERSHIP_MUTANTS,
  ...RESTORE_MUTANTS,
  ...TASK_MUTANTS,
  ...WAIT_MUTANTS,
  ...CALL_MUTANTS,
  ...CONNECTION_MUTANTS,
  ...REFUSAL_MUTANTS,
  ...HEALTH_MUTANTS,
  ...BLOCKING_MUTANTS,
  ...BOUND_MUTANTS,
]
