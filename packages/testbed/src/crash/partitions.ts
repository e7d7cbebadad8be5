import type { FaultProxy } from '../proxy/fault-proxy.js'
import type { Fault, FrameFault } from '../proxy/faults.js'
import type { Random } from '../simulator/random.js'
import { Scenario, SESSION_MS } from './scenario.js'
import type { Hit, PartResult } from './statistics.js'
import type { TestEnvironment } from './test-environment.js'
import type { WorkerProcess } from './worker/worker-process.js'

const PER_SECOND = 250
const PARTITIONS = 3
const REQUEST_MS = 3_000
const TAKE_OVER_MS = 30_000
const INTERCEPT_MS = 15_000
const MAX_RUN_MS = 1_000
const END_TXN = 26

/** A network fault that affects one of two instances, or both. */
interface NetworkFault {
  readonly what: string
  readonly fault: Fault
  /** Whether it affects both. */
  readonly forAll?: boolean
  /** How long it lasts. Default: until the other instance has all tasks. */
  readonly ms?: number
}

const NETWORK_FAULTS: readonly NetworkFault[] = [
  { what: 'black hole towards the broker', fault: { kind: 'black hole', direction: 'request' } },
  { what: 'black hole from the broker', fault: { kind: 'black hole', direction: 'response' } },
  { what: 'black hole both ways', fault: { kind: 'black hole' }, forAll: true, ms: SESSION_MS + 1_000 },
  { what: 'connections reset', fault: { kind: 'reset' }, forAll: true, ms: 2_000 },
  { what: 'connections slow', fault: { kind: 'slow', bytesPerSecond: 4_000 }, ms: 4_000 },
  { what: 'connections half open', fault: { kind: 'half-open' }, ms: 0 },
]

/** A fault of exactly one EndTxn. */
interface EndTxnFault {
  readonly what: string
  readonly direction: 'request' | 'response'
  readonly action: FrameFault
}

const END_TXN_FAULTS: readonly EndTxnFault[] = [
  { what: 'response to EndTxn lost', direction: 'response', action: 'drop' },
  { what: 'response to EndTxn lost with its connection', direction: 'response', action: 'drop and reset' },
  { what: 'response to EndTxn truncated', direction: 'response', action: 'cut' },
  { what: 'response to EndTxn held until its timeout', direction: 'response', action: 'hold' },
  { what: 'EndTxn held until its task was reopened', direction: 'request', action: 'hold' },
]

/** Two instances, and a proxy between them and the broker that simulates network faults. */
export async function partitions(
  environment: TestEnvironment,
  proxy: FaultProxy,
  port: number,
  random: Random,
): Promise<PartResult> {
  const scenario = await Scenario.begin(environment, random, {
    name: 'partitions',
    perSecond: PER_SECOND,
    partitions: PARTITIONS,
    broker: `127.0.0.1:${port}`,
    requestTimeoutMs: REQUEST_MS,
  })
  const hits: Hit[] = []
  const healed: number[] = []
  const recovered: number[] = []
  try {
    await scenario.start()
    await scenario.start()
    await scenario.makesProgress('two instances run all tasks')
    const rounds = [
      ...NETWORK_FAULTS.map((fault) => async () => {
        const times = await applyFault(scenario, proxy, fault, random)
        const from = Date.now()
        const isOver = await scenario.makesProgress(`recovery after: ${fault.what}`)
        if (isOver) healed.push(Date.now() - from)
        hits.push({ what: fault.what, times: isOver ? times : 0, atLeast: 1 })
      }),
      ...END_TXN_FAULTS.map((fault) => async () => {
        const from = Date.now()
        const isIntercepted = await interceptEndTxn(scenario, proxy, fault, random.pick(scenario.responsive))
        const isOver = await scenario.makesProgress(`recovery after: ${fault.what}`)
        if (isOver && isIntercepted) recovered.push(Date.now() - from)
        hits.push({ what: fault.what, times: isOver && isIntercepted ? 1 : 0, atLeast: 1 })
      }),
    ]
    for (const round of random.shuffled(rounds)) {
      await scenario.pause(random.between(0, MAX_RUN_MS))
      await round()
    }
    const verdict = await scenario.end()
    return {
      verdicts: [verdict],
      hits,
      times: { 'all tasks commit after healing': healed, 'all tasks commit after the fault of EndTxn': recovered },
    }
  } finally {
    await scenario.abort()
  }
}

/** @returns 1 if the fault affected something and the expected takeover happened, else 0 */
async function applyFault(
  scenario: Scenario,
  proxy: FaultProxy,
  { what, fault, forAll = false, ms }: NetworkFault,
  random: Random,
): Promise<number> {
  const [one, other] = random.shuffled(scenario.responsive) as [WorkerProcess, WorkerProcess]
  const { name } = one
  scenario.note(`${what}: ${forAll ? 'everybody' : name}`)
  const applied = proxy.apply(fault, forAll ? '' : name)
  let isReplaced = true
  if (ms !== undefined) await scenario.pause(ms)
  else
    isReplaced = await scenario.waitFor(
      'the other instance has all tasks',
      () => other.report?.state === 'running' && other.report.tasks.length === PARTITIONS,
      TAKE_OVER_MS,
    )
  applied.heal()
  scenario.note('healed')
  return isReplaced && applied.hits > 0 ? 1 : 0
}

/** @returns whether an EndTxn was intercepted */
async function interceptEndTxn(
  scenario: Scenario,
  proxy: FaultProxy,
  { what, direction, action }: EndTxnFault,
  { name }: WorkerProcess,
): Promise<boolean> {
  scenario.note(`${what}: ${name}`)
  const intercepted = proxy.intercept({ api: END_TXN, direction, clientId: name }, action)
  let isIntercepted = false
  intercepted.frame.then(() => {
    isIntercepted = true
  })
  const hasArrived = await scenario.waitFor('EndTxn is intercepted', () => isIntercepted, INTERCEPT_MS)
  // by then, its sender has timed out and reopened the task
  if (action === 'hold') await scenario.pause(REQUEST_MS)
  if (action === 'hold') await scenario.makesProgress('its task was reopened')
  intercepted.release()
  return hasArrived
}
