import type { Random } from '../random.js'

/** How calls are made. */
export interface SimCalls {
  /** The source of their requests: producers, or a relay that copies the results of joins, some of them twice. */
  readonly source: 'producers' | 'join-results'
  /** The source of a call's id: the value of its record, or the origin of the record. */
  readonly ids: 'value' | 'origin'
  readonly hasSink: boolean
  readonly mode: 'at-most-once' | 'at-least-once'
  readonly retryMs: number
  readonly whenInDoubt: 'park' | 'block'
  readonly concurrency: number
  readonly timeoutMs: number
  readonly retentionMs: number
  readonly maxReady: number
  /** How the service behaves. */
  readonly service: ServiceFaultRates
  /** How often the operator resolves calls in doubt. `undefined`: not before all faults are over. */
  readonly operatorIntervalMs: number | undefined
  /** Whether the changelog is truncated at the end, which the application has to detect. */
  readonly truncatesChangelog: boolean
}

/** How often each of these happens to a request. */
export interface ServiceFaultRates {
  /** The connection is refused. */
  readonly refused: number
  /** The request is lost in transit. */
  readonly lost: number
  /** The request is received, but its reply is lost. */
  readonly reset: number
  /** The reply takes very long, or never comes. */
  readonly hung: number
  /** The calling function ignores its abort signal. */
  readonly ignoresSignal: number
  /** The mean time until the service replies. */
  readonly latencyMs: number
}

export function chooseCalls(random: Random): SimCalls {
  const calls: SimCalls = {
    source: 'producers',
    ids: random.pick(['value', 'value', 'origin']),
    hasSink: random.chance(0.7),
    mode: random.chance(0.15) ? 'at-least-once' : 'at-most-once',
    retryMs: random.between(2_000, 20_000),
    whenInDoubt: random.pick(['park', 'park', 'block']),
    concurrency: random.pick([1, 2, 3, 8]),
    timeoutMs: random.pick([800, 2_000, 5_000]),
    retentionMs: random.pick([2_000, 5_000, 15_000, 3_600_000]),
    maxReady: random.chance(0.2) ? random.between(1, 6) : 1_000,
    service: chooseFaultRates(random),
    operatorIntervalMs: random.pick([undefined, 3_000, 8_000]),
    truncatesChangelog: random.chance(0.1),
  }
  if (random.chance(0.9)) return calls
  // joins emit more results than a slow service can handle
  return { ...calls, source: 'join-results', concurrency: 8, service: { ...calls.service, latencyMs: 20 } }
}

/** @returns the fault rates of a service, many of them 0 */
function chooseFaultRates(random: Random): ServiceFaultRates {
  const rate = () => (random.chance(0.4) ? random.next() * 0.2 : 0)
  return {
    refused: rate(),
    lost: rate(),
    reset: rate(),
    hung: rate(),
    ignoresSignal: random.chance(0.3) ? 0.5 : 0,
    latencyMs: random.pick([20, 100, 400]),
  }
}
