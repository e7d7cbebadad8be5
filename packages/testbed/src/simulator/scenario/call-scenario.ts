import type { Random } from '../random.js'

/** How calls are made, and of what. */
export interface SimCalls {
  /** Where their records come from: producers, or a copy of what the joins give, which repeats some. */
  readonly comes: 'on its own' | 'after a join'
  /** What names a call: the value, or the record's origin. */
  readonly ids: 'by value' | 'by origin'
  readonly hasSink: boolean
  readonly mode: 'at-most-once' | 'at-least-once'
  readonly retryMs: number
  readonly whenInDoubt: 'park' | 'block'
  readonly concurrency: number
  readonly timeoutMs: number
  readonly retentionMs: number
  readonly maxReady: number
  /** How the service is. */
  readonly service: SimServiceTrouble
  /** Between two looks of the person who decides; `undefined`: nobody looks before all faults are over. */
  readonly decidesEveryMs: number | undefined
  /** Whether the changelog is cut off at the end, which has to be noticed. */
  readonly losesChangelog: boolean
}

/** How often each of these happens to a request. */
export interface SimServiceTrouble {
  /** No connection comes about. */
  readonly refuses: number
  /** The request is lost on its way. */
  readonly loses: number
  /** The request is read, and its answer is lost. */
  readonly resets: number
  /** The answer takes very long, or never comes. */
  readonly hangs: number
  /** The function that calls does not obey its signal. */
  readonly disobeys: number
  /** Until it answers, as a rule. */
  readonly answersInMs: number
}

export function chooseCalls(random: Random): SimCalls {
  const calls: SimCalls = {
    comes: 'on its own',
    ids: random.pick(['by value', 'by value', 'by origin']),
    hasSink: random.chance(0.7),
    mode: random.chance(0.15) ? 'at-least-once' : 'at-most-once',
    retryMs: random.between(2_000, 20_000),
    whenInDoubt: random.pick(['park', 'park', 'block']),
    concurrency: random.pick([1, 2, 3, 8]),
    timeoutMs: random.pick([800, 2_000, 5_000]),
    retentionMs: random.pick([2_000, 5_000, 15_000, 3_600_000]),
    maxReady: random.chance(0.2) ? random.between(1, 6) : 1_000,
    service: chooseTrouble(random),
    decidesEveryMs: random.pick([undefined, 3_000, 8_000]),
    losesChangelog: random.chance(0.1),
  }
  if (random.chance(0.9)) return calls
  // joins give more results than a slow service can take
  return { ...calls, comes: 'after a join', concurrency: 8, service: { ...calls.service, answersInMs: 20 } }
}

/** A service that is in order, or one that is not. */
function chooseTrouble(random: Random): SimServiceTrouble {
  const often = () => (random.chance(0.4) ? random.next() * 0.2 : 0)
  return {
    refuses: often(),
    loses: often(),
    resets: often(),
    hangs: often(),
    disobeys: random.chance(0.3) ? 0.5 : 0,
    answersInMs: random.pick([20, 100, 400]),
  }
}
