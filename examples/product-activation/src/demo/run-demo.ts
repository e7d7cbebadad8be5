import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { consume, type ReadableTopic } from '@joinery/core'
import type { Activation } from '../topics.js'
import type { Evidence } from './accounting/evidence.js'
import { Ledger } from './accounting/ledger.js'
import { readToEnd } from './accounting/read-to-end.js'
import { reconcile } from './accounting/reconcile.js'
import type { Report } from './accounting/report.js'
import { resolveCallsInDoubt } from './human-operator.js'
import { type DemoOptions, milliseconds } from './options.js'
import { showProgress } from './progress.js'
import { readCalls, startRestService } from './rest-service/rest-service.js'
import type { DemoEnvironment } from './services/environment.js'
import { RestartableService } from './services/restartable-service.js'
import { readable, type Terminal } from './terminal.js'
import { Timeline } from './timeline.js'
import { planFaults } from './traffic/fault-plan.js'
import { sendTraffic } from './traffic/traffic-generator.js'
import { type Arrival, expectedCalls, planTraffic, type TrafficPlan } from './traffic/traffic-plan.js'

/** Options of {@link runDemo}. */
export interface DemoRun extends Pick<DemoOptions, 'activations' | 'atMost' | 'seed'> {
  readonly terminal: Terminal
  /** Interrupts: what was sent is still accounted for. */
  readonly signal: AbortSignal
}

/** Runs both services, the traffic and the reconciliation. */
export async function runDemo(environment: DemoEnvironment, options: DemoRun): Promise<Report> {
  const folder = await mkdtemp(join(tmpdir(), 'joinery-demo-'))
  try {
    return await runIn(join(folder, 'calls.log'), environment, options)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function runIn(file: string, environment: DemoEnvironment, options: DemoRun): Promise<Report> {
  const { log, topics, kind } = environment
  const { seed, terminal, signal } = options
  const started = performance.now()
  const atMostMs = milliseconds(options.atMost)
  const plan = planTraffic({ activations: options.activations, seed, atMostMs })
  introduce(terminal, plan, environment, atMostMs)

  const ledger = new Ledger()
  const failures: unknown[] = []
  const fail = (error: unknown): void => void failures.push(error)
  const timeline = new Timeline(terminal, plan)
  const faults = planFaults(expectedCalls(plan))
  const stop = new AbortController()
  await using rest = await startRestService({
    file,
    behaviour: faults.behaviour,
    received(connection, { activationId }) {
      if (connection !== faults.stopAt || signal.aborted) return
      timeline.call(activationId, `is being called: ${terminal.colour('red', `service B is ${environment.crash}`)}`)
      const restarted = () => timeline.call(activationId, `service B runs again; ${environment.recovery}`)
      serviceB.restart().then(restarted, fail)
    },
  })
  const serviceB = new RestartableService(() => environment.startB(rest.url), fail)
  const serviceA = await environment.startA(options.atMost)
  serviceA.closed.catch(fail)
  const readOutcomes = async (topic: ReadableTopic<string, Activation>, what: 'notified' | 'dead-lettered') => {
    for await (const { value } of consume(log, topic, { signal: stop.signal })) {
      const ended = value === null ? undefined : ledger.outcome(value.activationId, what, performance.now())
      if (ended !== undefined) timeline.ended(ended)
    }
  }
  const readResults = async () => {
    for await (const { value } of consume(log, topics.activated, { signal: stop.signal }))
      if (value !== null) ledger.activated.add(value.activationId)
  }
  let isSending = true
  let parts: Promise<void>[] = []
  try {
    await serviceB.start()
    await Promise.race([Promise.all([serviceA.ready, serviceB.service.ready]), aborted(signal)])
    timeline.start()
    const traffic = sendTraffic({
      log,
      topics,
      plan,
      ledger,
      signal: AbortSignal.any([signal, stop.signal]),
      onSent: (sending) => timeline.sent(sending),
    }).finally(() => {
      isSending = false
    })
    parts = [
      traffic,
      readOutcomes(topics.notifications, 'notified'),
      readOutcomes(topics.deadActivations, 'dead-lettered'),
      readResults(),
      resolveCallsInDoubt({
        log,
        topics,
        application: environment.callingApplication,
        rest,
        ledger,
        hasEnded: (claimant) => serviceB.hasEnded(claimant),
        signal: stop.signal,
        onResolved: (text, activationId) => timeline.call(activationId, text),
      }),
    ].map((part) => part.catch(fail))
    await showProgress({ ledger, rest, serviceA, terminal, atMostMs, signal, failures, isSending: () => isSending })
  } finally {
    const closing = await Promise.allSettled([serviceA.close(), serviceB.close()])
    stop.abort()
    await Promise.all(parts)
    for (const end of closing) if (end.status === 'rejected') fail(end.reason)
  }
  if (failures.length > 0) throw failures[0]
  const evidence: Evidence = {
    notifications: await readToEnd(log, topics.notifications),
    deadLetters: await readToEnd(log, topics.deadActivations),
    activated: await readToEnd(log, topics.activated),
    inDoubt: await readToEnd(log, topics.inDoubt),
    calls: await readCalls(file),
  }
  const metrics = { a: await serviceA.metrics(), b: await serviceB.service.metrics() }
  return {
    ...reconcile(metrics, ledger, evidence, { interrupted: signal.aborted, atMostMs }),
    log: kind,
    seed,
    sent: sentByArrival(ledger, plan),
    tookMs: Math.round(performance.now() - started),
  }
}

function introduce(terminal: Terminal, plan: TrafficPlan, { where }: DemoEnvironment, atMostMs: number): void {
  terminal.line(
    terminal.colour('bold', `${plan.activations} activations of ${plan.arrivals.size} products, on ${where}`),
  )
  terminal.line(
    `An activation whose information is missing waits for it, ${readable(atMostMs)} at most. The REST service fails`,
  )
  terminal.line('once in each way, and service B is stopped in the middle of a call. Some products:')
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
