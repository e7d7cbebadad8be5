import type { RunningApp } from '../../app/running-app.js'
import type { LogSource } from '../../log/contract.js'

/**
 * @returns whether an application has processed and committed everything in `topics`. An input that is paused because the
 * buffer of a waiting join is full counts as processed.
 */
export async function isSettled(app: RunningApp, topics: readonly string[], source: LogSource): Promise<boolean> {
  if (app.health().state !== 'running') return false
  const ends = new Map<string, number>()
  for (const { partition } of app.tasks) {
    for (const topic of topics)
      ends.set(`${topic}/${partition}`, await source.endOffset({ topic, partition }, 'last-stable-offset'))
  }
  return app.tasks.every(({ isIdle, state, partition }) => {
    const { inputs = [], callState } = state ?? {}
    const isConsumed = inputs.every((input) => {
      const isPaused = input.isBlocked && input !== callState?.reports
      return isPaused || input.next >= (ends.get(`${input.topic}/${partition}`) ?? 0)
    })
    return isIdle && isConsumed
  })
}
