import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { consume, type ReadableTopic } from '@joinery/core'
import { readCalls, startRestService } from '../rest-service/rest-service.js'
import type { Activation } from '../topics.js'
import { audit } from './audit.js'
import type { Evidence } from './count.js'
import { planFaults } from './fault-plan.js'
import { followUp } from './follow-up.js'
import { Ledger } from './ledger.js'
import type { Place } from './open-log.js'
import { operate } from './operator.js'
import { type DemoOptions, milliseconds } from './options.js'
import { readToEnd } from './read-to-end.js'
import type { Report } from './report.js'
import { readable, type Screen } from './screen.js'
import { ServiceB } from './service-b.js'
import { Stories } from './stories.js'
import { sendTraffic } from './traffic-generator.js'
import { type Arrival, expectedCalls, planTraffic, type TrafficPlan } from './traffic-plan.js'

/** What a run needs besides a place. */
export interface DemoRun extends Pick<DemoOptions, 'activations' | 'atMost' | 'seed'> {
  readonly screen: Screen
  /** Interrupts: what was sent is still accounted for. */
  readonly signal: AbortSignal
}

/** Both services, the traffic and the audit. */
export async function runDemo(place: Place, options: DemoRun): Promise<Report> {
  const folder = await mkdtemp(join(tmpdir(), 'joinery-demo-'))
  try {
    return await runIn(join(folder, 'calls.log'), place, options)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function runIn(file: string, place: Place, options: DemoRun): Promise<Report> {
  const { log, topics, where, kind } = place
  const { activations, seed, screen, signal } = options
  const started = performance.now()
  const atMostMs = milliseconds(options.atMost)
  const plan = planTraffic({ activations, seed, atMostMs })
  screen.line(screen.colour('bold', `${activations} activations of ${plan.arrivals.size} products, on ${where}`))
  screen.line(
    `An activation whose information is missing waits for it, ${readable(atMostMs)} at most. The REST service fails`,
  )
  screen.line('once in each way, and service B is stopped in the middle of a call. Some products:')

  const ledger = new Ledger()
  const failures: unknown[] = []
  const failed = (error: unknown): void => void failures.push(error)
  const stories = new Stories(screen, plan)
  const faults = planFaults(expectedCalls(plan))
  const stop = new AbortController()
  await using rest = await startRestService({
    file,
    behaviour: faults.behaviour,
    received(connection, { activationId }) {
      if (connection !== faults.stopAt || signal.aborted) return
      stories.call(activationId, `is being called: ${screen.colour('red', `service B is ${place.crash}`)}`)
      serviceB.restart().then(() => stories.call(activationId, `service B runs again; ${place.recovery}`), failed)
    },
  })
  const serviceB = new ServiceB(() => place.startB(rest.url), failed)
  const serviceA = await place.startA(options.atMost)
  serviceA.closed.catch(failed)
  const watch = async (topic: ReadableTopic<string, Activation>, what: 'notified' | 'dead-lettered') => {
    for await (const { value } of consume(log, topic, { signal: stop.signal })) {
      const ended = value === null ? undefined : ledger.outcome(value.activationId, what, performance.now())
      if (ended !== undefined) stories.ended(ended)
    }
  }
  const watchResults = async () => {
    for await (const { value } of consume(log, topics.activated, { signal: stop.signal }))
      if (value !== null) ledger.activated.add(value.activationId)
  }
  let isSending = true
  let parts: Promise<void>[] = []
  try {
    await serviceB.start()
    await Promise.race([Promise.all([serviceA.ready, serviceB.service.ready]), aborted(signal)])
    stories.start()
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
    parts = [
      traffic,
      watch(topics.notifications, 'notified'),
      watch(topics.deadActivations, 'dead-lettered'),
      watchResults(),
      operate({
        log,
        topics,
        application: place.callingApplication,
        rest,
        ledger,
        hasEnded: (claimant) => serviceB.hasEnded(claimant),
        signal: stop.signal,
        told: (text, activationId) => stories.call(activationId, text),
      }),
    ].map((part) => part.catch(failed))
    await followUp({ ledger, rest, serviceA, screen, atMostMs, signal, failures, isSending: () => isSending })
  } finally {
    const closing = await Promise.allSettled([serviceA.close(), serviceB.close()])
    stop.abort()
    await Promise.all(parts)
    for (const end of closing) if (end.status === 'rejected') failed(end.reason)
  }
  if (failures.length > 0) throw failures[0]
  const evidence: Evidence = {
    notifications: await readToEnd(log, topics.notifications),
    deadLetters: await readToEnd(log, topics.deadActivations),
    activated: await readToEnd(log, topics.activated),
    doubts: await readToEnd(log, topics.doubts),
    calls: await readCalls(file),
  }
  const figures = { a: await serviceA.metrics(), b: await serviceB.service.metrics() }
  return {
    ...audit(figures, ledger, evidence, { interrupted: signal.aborted, atMostMs }),
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
