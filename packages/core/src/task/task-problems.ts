import type { FullTable } from './tables/table-capacity.js'
import type { TaskTable } from './tables/task-table.js'
import type { TaskPipeline } from './task-pipeline.js'
import type { TaskState } from './task-state.js'

/** A requested end offset that is not reached for this long is reported as a problem. */
const SLOW_MS = 5_000

/** The problems of a running task, as text for the people who operate the application. */
export function taskProblems(
  partition: number,
  { tables, pipelines, callState, logTimeMs }: TaskState,
  now: number,
): string[] {
  const problems: string[] = []
  const isHeld = tables.some(({ capacity }) => capacity?.isHeld)
  for (const each of tables) {
    const { plan, catchUp, input, capacity, freshness } = each
    if (capacity?.full !== undefined) problems.push(fullProblem(capacity.full))
    const { requested, problem } = catchUp.end
    const table = `${plan.topic}[${partition}]`
    if (problem !== undefined) problems.push(problem)
    const missed = freshness?.problem(partition, logTimeMs())
    if (missed !== undefined) problems.push(missed)
    if (requested?.end === undefined || !catchUp.hasCaughtUp || now - requested.requestedAt.time <= SLOW_MS) continue
    if (!isHeld && pipelines.some((pipeline) => hasDeadline(pipeline, each)))
      problems.push(
        `waiting events cannot expire until ${table} has been read to offset ${requested.end}, and it is at ${input.next}: is a producer's transaction open?`,
      )
  }
  for (const { operator, isFull } of pipelines) {
    if (isFull)
      problems.push(
        `pipeline ${operator.plan.name}[${partition}] is paused: its wait buffer is full (${count(operator.waiting, 'event')}, ${operator.waitingBytes} bytes)`,
      )
  }
  for (const { operator, isFull, notSent } of callState?.calls ?? []) {
    const { plan, queue } = operator
    if (queue.inDoubt > 0)
      problems.push(
        `${count(queue.inDoubt, 'call')} of pipeline ${plan.name}[${partition}] ${queue.inDoubt === 1 ? 'is' : 'are'} in doubt: resolve ${queue.inDoubt === 1 ? 'it' : 'them'} with app.inDoubtCalls or the command joinery calls`,
      )
    if (notSent !== undefined)
      problems.push(
        `pipeline ${plan.name}[${partition}] cannot send its requests (${count(notSent.attempts, 'attempt')}, retried): ${notSent.reason}`,
      )
    if (isFull)
      problems.push(
        `pipeline ${plan.name}[${partition}] is paused: too many records wait for their calls (${queue.ready})`,
      )
  }
  return problems
}

/** Whether an event waits for a row of a table, and expires if it does not come. */
function hasDeadline({ operator, tables }: TaskPipeline, table: TaskTable): boolean {
  return operator.nextDeadline(tables.indexOf(table)) !== undefined
}

function fullProblem({ table, task, offset, option, maxBytes, bytes }: FullTable): string {
  const what = option === 'maxBytes' ? `the table has ${bytes} bytes` : `all tables together have ${bytes} bytes`
  return `table ${table}[${task}] is paused: ${what} in this instance, and the record at offset ${offset} would exceed ${option} (${maxBytes}); task ${task} waits until there is room, and nothing is lost: start more instances, or raise ${option} and restart`
}

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`
