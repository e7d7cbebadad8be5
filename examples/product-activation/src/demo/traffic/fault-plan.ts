import type { Behaviour } from '../rest-service/rest-service.js'

/** Which connections the REST service fails, and in which call service B is stopped. */
export interface FaultPlan {
  readonly behaviour: (connection: number) => Behaviour
  /** The connection with whose request service B is stopped; `undefined`: it is not. */
  readonly stopAt: number | undefined
}

const FAULTS: readonly Behaviour[] = ['hang', 'slow', 'reset-before', 'redirect', 'reset-after', 'fail']

/** One fault of each kind in the first half of the calls, service B's end in the middle, and nothing after that. */
export function planFaults(calls: number): FaultPlan {
  if (calls < 1) return { behaviour: () => 'respond', stopAt: undefined }
  const stopAt = Math.ceil(calls / 2)
  const faults = new Map<number, Behaviour>([[stopAt, 'hang']])
  for (const [i, fault] of FAULTS.entries()) {
    const connection = Math.round((stopAt * (i + 1)) / (FAULTS.length + 1))
    if (connection > 0 && !faults.has(connection)) faults.set(connection, fault)
  }
  return { behaviour: (connection) => faults.get(connection) ?? 'respond', stopAt }
}
