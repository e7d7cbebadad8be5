import type { RunningApp } from '../../app/running-app.js'
import type { LogSource } from '../../log/contract.js'

/**
 * @returns whether an application has processed and committed everything in `topics`. An input that is paused because the
 * buffer of a waiting join is full counts as processed, and so does every input of a task that waits at a full table.
 */
export async function isSettled(app: RunningApp, topics: readonly string[], source: LogSource): Promise<boolean> {
  const { state } = app.health()
  if (state !== 'running' && !(state === 'restoring' && app.tasks.some(isFull))) return false
  const ends = new Map<string, number>()
  for (const { partition } of app.tasks) {
    for (const topic of topics)
      ends.set(`${topic}/${partition}`, await source.endOffset({ topic, partition }, 'last-stable-offset'))
  }
  return app.tasks.every((task) => {
    const { isIdle, state, partition } = task
    const { inputs = [], callState } = state ?? {}
    const isConsumed = inputs.every((input) => {
      const isPaused = (input.isPaused || isFull(task)) && input !== callState?.reports
      return isPaused || input.next >= (ends.get(`${input.topic}/${partition}`) ?? 0)
    })
    return isIdle && isConsumed
  })
}

/** Whether a task waits because a table has reached its bound. */
const isFull = ({ state }: RunningApp['tasks'][number]): boolean =>
  state?.tables.some(({ capacity }) => capacity?.full !== undefined) ?? false
