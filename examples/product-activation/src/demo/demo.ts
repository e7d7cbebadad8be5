import { type ReadableTopic, read, run } from '@joinery/core'
import { notifyWithin } from '../pipeline.js'
import { startRestService } from '../rest-service.js'
import { runServiceB } from '../service-b.js'
import type { Activation } from '../topics.js'
import { audit } from './audit.js'
import type { Evidence } from './count.js'
import { followUp } from './follow-up.js'
import { Ledger } from './ledger.js'
import type { Place } from './open-log.js'
import { type DemoOptions, milliseconds } from './options.js'
import { readToEnd } from './read-to-end.js'
import type { Report } from './report.js'
import { readable, type Screen } from './screen.js'
import { Stories } from './stories.js'
import { sendTraffic } from './traffic-generator.js'
import { type Arrival, planTraffic, type TrafficPlan } from './traffic-plan.js'

/** What a run needs besides a place. */
export interface DemoRun extends Pick<DemoOptions, 'activations' | 'atMost' | 'seed'> {
  readonly screen: Screen
  /** Interrupts: what was sent is still accounted for. */
  readonly signal: AbortSignal
}

/** Both services, the traffic and the audit. */
export async function runDemo({ log, topics, application, where, kind }: Place, options: DemoRun): Promise<Report> {
  const { activations, seed, screen, signal } = options
  const started = performance.now()
  const atMostMs = milliseconds(options.atMost)
  const plan = planTraffic({ activations, seed, atMostMs })
  screen.line(screen.colour('bold', `${activations} activations of ${plan.arrivals.size} products, on ${where}`))
  screen.line(`An activation whose information is missing waits for it, ${readable(atMostMs)} at most. Some products:`)

  const ledger = new Ledger()
  await using rest = await startRestService()
  await using app = await run(notifyWithin(options.atMost, topics), { application, log })
  await Promise.race([app.ready, aborted(signal)])

  const stories = new Stories(screen, plan)
  const watch = async (topic: ReadableTopic<string, Activation>, what: 'notified' | 'dead-lettered') => {
    for await (const { value } of read(log, topic, { signal: stop.signal })) {
      const ended = value === null ? undefined : ledger.outcome(value.activationId, what, performance.now())
      if (ended !== undefined) stories.ended(ended)
    }
  }
  const stop = new AbortController()
  const failures: unknown[] = []
  const noted = (part: Promise<void>) => part.catch((error: unknown) => void failures.push(error))
  let isSending = true
  const traffic = sendTraffic({
    log,
    topics,
    plan,
    ledger,
    signal: AbortSignal.any([signal, stop.signal]),
    told: (sending) => stories.sent(sending),
  }).finally(() => {
    isSending = false
  })
  const parts = [
    traffic,
    runServiceB({ log, notifications: topics.notifications, url: rest.url, signal: stop.signal }),
    watch(topics.notifications, 'notified'),
    watch(topics.deadActivations, 'dead-lettered'),
  ].map(noted)
  noted(app.closed)
  try {
    await followUp({ ledger, rest, app, screen, atMostMs, signal, failures, isSending: () => isSending })
    await app.close()
  } finally {
    stop.abort()
    await Promise.all(parts)
  }
  const evidence: Evidence = {
    notifications: await readToEnd(log, topics.notifications),
    deadLetters: await readToEnd(log, topics.deadActivations),
    calls: rest.calls,
  }
  return {
    ...audit(app, ledger, evidence, { interrupted: signal.aborted, atMostMs }),
    log: kind,
    seed,
    sent: sentByArrival(ledger, plan),
    tookMs: Math.round(performance.now() - started),
  }
}

function sentByArrival(ledger: Ledger, plan: TrafficPlan): Record<Arrival, number> {
  const sent = { before: 0, soon: 0, late: 0, never: 0 }
  for (const { productId } of ledger.activations.values()) sent[plan.arrivals.get(productId) as Arrival]++
  return sent
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
