import type { TaskState } from './task-state.js'

/** An end that has not been reached for so long is worth a word. */
const SLOW_MS = 5_000

/** What is not as it should be in a running task, in words for people. */
export function taskProblems(partition: number, { tables, pipelines, callState }: TaskState, now: number): string[] {
  const problems: string[] = []
  for (const { plan, problem, proof, isLoaded, input } of tables) {
    const table = `${plan.topic}[${partition}]`
    if (problem !== undefined) problems.push(problem)
    if (proof?.end !== undefined && isLoaded && now - proof.time > SLOW_MS)
      problems.push(
        `events wait to expire until ${table} is read to offset ${proof.end}, it is at ${input.next}: is a producer's transaction open?`,
      )
  }
  for (const { operator, isFull } of pipelines) {
    if (isFull)
      problems.push(
        `pipeline ${operator.plan.name}[${partition}] pauses: ${operator.waiting} events (${operator.waitingBytes} bytes) fill its waiting room`,
      )
  }
  for (const { operator, isFull } of callState?.calls ?? []) {
    const { plan, queue } = operator
    if (queue.inDoubt > 0)
      problems.push(
        `${queue.inDoubt} calls of pipeline ${plan.name}[${partition}] are in doubt: decide them (calls, resolve)`,
      )
    if (isFull) problems.push(`pipeline ${plan.name}[${partition}] pauses: ${queue.ready} records wait for their call`)
  }
  return problems
}
