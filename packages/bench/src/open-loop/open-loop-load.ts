import type { Message, Producer } from 'kafkajs'
import type { Schedule } from './schedule.js'

/** As many requests as kafka-clients has in flight by default. */
const MAX_IN_FLIGHT = 5

/** What is sent, and when. The producer must not retry: it could send an event twice. */
export interface OpenLoopLoadOptions {
  readonly topic: string
  readonly schedule: Schedule
  readonly count: number
  /** The index of the first event whose delay counts. */
  readonly measuredFrom: number
  /** The shortest time between two requests. What is due meanwhile is sent together. */
  readonly resolutionMs: number
  /** @returns the message of the next event, which is sent at once */
  readonly next: (dueAt: number) => Message
}

/**
 * Sends events on a schedule, without waiting for the results of earlier ones.
 *
 * @returns how late the latest of the measured events was sent, in milliseconds
 */
export async function openLoopLoad(
  producer: Producer,
  { topic, schedule, count, measuredFrom, resolutionMs, next }: OpenLoopLoadOptions,
): Promise<number> {
  const inFlight = new Set<Promise<void>>()
  const failures: unknown[] = []
  const send = (messages: Message[]): void => {
    const sending: Promise<void> = producer
      .send({ topic, messages })
      .then(
        () => {},
        (error: unknown) => void failures.push(error),
      )
      .finally(() => inFlight.delete(sending))
    inFlight.add(sending)
  }
  let [sent, maxLagMs] = [0, 0]
  while (sent < count && failures.length === 0) {
    const now = performance.now()
    const due = Math.min(schedule.countDueBy(now), count)
    if (due > sent) {
      if (due > measuredFrom) maxLagMs = Math.max(maxLagMs, now - schedule.dueAt(Math.max(sent, measuredFrom)))
      const messages: Message[] = []
      for (; sent < due; sent++) messages.push(next(schedule.dueAt(sent)))
      send(messages)
    }
    await sleep(Math.max(resolutionMs, schedule.dueAt(sent) - now))
    if (inFlight.size >= MAX_IN_FLIGHT) await Promise.race(inFlight)
  }
  await Promise.all(inFlight)
  if (failures.length > 0) throw failures[0]
  return maxLagMs
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
