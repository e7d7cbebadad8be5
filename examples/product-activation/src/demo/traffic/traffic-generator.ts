import { setTimeout as delay } from 'node:timers/promises'
import { type Log, produce } from '@joinery/core'
import type { Ledger } from '../accounting/ledger.js'
import type { DemoTopics } from '../services/demo-topics.js'
import type { Sending, TrafficPlan } from './traffic-plan.js'

const TICK_MS = 10

/** Options of {@link sendTraffic}. */
export interface TrafficGeneratorOptions {
  readonly log: Pick<Log, 'sink'>
  readonly topics: DemoTopics
  readonly plan: TrafficPlan
  readonly ledger: Ledger
  /** Stops it between two records of a product. */
  readonly signal: AbortSignal
  /** Called for each record that is sent. */
  readonly onSent: (sending: Sending) => void
}

/** Sends a plan in real time. Late records are sent as fast as the log accepts them. */
export async function sendTraffic({ plan, signal, ...to }: TrafficGeneratorOptions): Promise<void> {
  const { sendings } = plan
  const start = performance.now()
  let next = 0
  while (next < sendings.length && !signal.aborted) {
    const until = performance.now() - start
    const due: Sending[] = []
    for (let sending = sendings[next]; sending !== undefined && sending.atMs <= until; sending = sendings[++next])
      due.push(sending)
    for (const wave of waves(due)) {
      if (signal.aborted) return
      await sendTogether(wave, to)
    }
    const following = sendings[next]
    if (following !== undefined)
      await delay(Math.max(TICK_MS, following.atMs + start - performance.now()), undefined, { signal }).catch(() => {})
  }
}

/** Splits into parts that may be sent together: within a part no product occurs twice, so each keeps its order. */
function waves(sendings: readonly Sending[]): Sending[][] {
  const waves: Sending[][] = []
  const seen = new Map<string, number>()
  for (const sending of sendings) {
    const number = seen.get(sending.productId) ?? 0
    seen.set(sending.productId, number + 1)
    const wave = waves[number]
    if (wave === undefined) waves.push([sending])
    else wave.push(sending)
  }
  return waves
}

type Target = Omit<TrafficGeneratorOptions, 'plan' | 'signal'>

async function sendTogether(wave: readonly Sending[], { log, topics, ledger, onSent }: Target): Promise<void> {
  const information = wave.filter((sending) => sending.type === 'information')
  const activations = wave.filter((sending) => sending.type === 'activation')
  const sentAt = performance.now()
  for (const sending of wave) {
    ledger.sending(sending, sentAt)
    onSent(sending)
  }
  await Promise.all([
    information.length > 0 &&
      produce(
        log,
        topics.productInformation,
        ...information.map(({ productId, externalId }) => ({ key: productId, value: { externalId } })),
      ),
    activations.length > 0 &&
      produce(
        log,
        topics.productActivation,
        ...activations.map(({ productId, activationId }) => ({ key: productId, value: { activationId, productId } })),
      ),
  ])
  const acknowledgedAt = performance.now()
  for (const sending of wave) ledger.acknowledged(sending, acknowledgedAt)
}
