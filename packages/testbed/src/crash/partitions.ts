import type { FaultProxy } from '../proxy/fault-proxy.js'
import type { Fault, OneFault } from '../proxy/faults.js'
import type { Random } from '../simulator/random.js'
import type { Hit, Part } from './figures.js'
import { Scenario, SESSION_MS } from './scenario.js'
import type { Stage } from './stage.js'
import type { WorkerProcess } from './worker/worker-process.js'

const PER_SECOND = 250
const PARTITIONS = 3
const REQUEST_MS = 3_000
const TAKE_OVER_MS = 30_000
const MEET_MS = 15_000
const MOST_RUN_MS = 1_000
const END_TXN = 26

/** A fault of the network, for everybody or for one of two. */
interface Trouble {
  readonly what: string
  readonly fault: Fault
  /** Whether it hits both. */
  readonly forAll?: boolean
  /** How long it lasts; without it, until the other one has all tasks. */
  readonly ms?: number
}

const TROUBLES: readonly Trouble[] = [
  { what: 'black hole towards the broker', fault: { kind: 'black hole', direction: 'request' } },
  { what: 'black hole from the broker', fault: { kind: 'black hole', direction: 'answer' } },
  { what: 'black hole both ways', fault: { kind: 'black hole' }, forAll: true, ms: SESSION_MS + 1_000 },
  { what: 'connections reset', fault: { kind: 'reset' }, forAll: true, ms: 2_000 },
  { what: 'connections slow', fault: { kind: 'slow', bytesPerSecond: 4_000 }, ms: 4_000 },
  { what: 'connections half open', fault: { kind: 'half-open' }, ms: 0 },
]

/** What happens to exactly one EndTxn, and when it is let go, if it is held. */
interface EndTxnTrouble {
  readonly what: string
  readonly direction: 'request' | 'answer'
  readonly does: OneFault
}

const END_TXN_TROUBLES: readonly EndTxnTrouble[] = [
  { what: 'answer to EndTxn lost', direction: 'answer', does: 'drop' },
  { what: 'answer to EndTxn lost with its connection', direction: 'answer', does: 'drop and reset' },
  { what: 'answer to EndTxn cut in the middle', direction: 'answer', does: 'cut' },
  { what: 'answer to EndTxn held until nobody waits for it', direction: 'answer', does: 'hold' },
  { what: 'EndTxn held until its task was opened again', direction: 'request', does: 'hold' },
]

/** Two instances, and a network between them and the broker that does everything but deliver. */
export async function partitions(stage: Stage, proxy: FaultProxy, port: number, random: Random): Promise<Part> {
  const scenario = await Scenario.begin(stage, random, {
    name: 'partitions',
    perSecond: PER_SECOND,
    partitions: PARTITIONS,
    broker: `127.0.0.1:${port}`,
    requestTimeoutMs: REQUEST_MS,
  })
  const hits: Hit[] = []
  const healed: number[] = []
  const answered: number[] = []
  try {
    await scenario.start()
    await scenario.start()
    await scenario.goesOn('two run everything')
    const rounds = [
      ...TROUBLES.map((trouble) => async () => {
        const times = await suffer(scenario, proxy, trouble, random)
        const from = Date.now()
        const isOver = await scenario.goesOn(`it goes on after: ${trouble.what}`)
        if (isOver) healed.push(Date.now() - from)
        hits.push({ what: trouble.what, times: isOver ? times : 0, least: 1 })
      }),
      ...END_TXN_TROUBLES.map((trouble) => async () => {
        const from = Date.now()
        const isMet = await meet(scenario, proxy, trouble, random.pick(scenario.awake))
        const isOver = await scenario.goesOn(`it goes on after: ${trouble.what}`)
        if (isOver && isMet) answered.push(Date.now() - from)
        hits.push({ what: trouble.what, times: isOver && isMet ? 1 : 0, least: 1 })
      }),
    ]
    for (const round of random.shuffled(rounds)) {
      await scenario.pause(random.between(0, MOST_RUN_MS))
      await round()
    }
    const verdict = await scenario.end()
    return {
      verdicts: [verdict],
      hits,
      times: { 'all tasks commit after healing': healed, 'all tasks commit after EndTxn was met': answered },
    }
  } finally {
    await scenario.abandon()
  }
}

/** Answers whether anything was hit, and what had to follow has followed. */
async function suffer(
  scenario: Scenario,
  proxy: FaultProxy,
  { what, fault, forAll = false, ms }: Trouble,
  random: Random,
): Promise<number> {
  const [one, other] = random.shuffled(scenario.awake) as [WorkerProcess, WorkerProcess]
  const { name } = one
  scenario.note(`${what}: ${forAll ? 'everybody' : name}`)
  const applied = proxy.apply(fault, forAll ? '' : name)
  let isReplaced = true
  if (ms !== undefined) await scenario.pause(ms)
  else
    isReplaced = await scenario.until(
      'the other one has all tasks',
      () => other.report?.state === 'running' && other.report.tasks.length === PARTITIONS,
      TAKE_OVER_MS,
    )
  applied.heal()
  scenario.note('healed')
  return isReplaced && applied.hits > 0 ? 1 : 0
}

/** Answers whether one came. */
async function meet(
  scenario: Scenario,
  proxy: FaultProxy,
  { what, direction, does }: EndTxnTrouble,
  { name }: WorkerProcess,
): Promise<boolean> {
  scenario.note(`${what}: ${name}`)
  const met = proxy.meet({ api: END_TXN, direction, clientId: name }, does)
  let isMet = false
  met.frame.then(() => {
    isMet = true
  })
  const hasCome = await scenario.until('it is met', () => isMet, MEET_MS)
  // its sender has given it up by then, and opened the task again
  if (does === 'hold') await scenario.pause(REQUEST_MS)
  if (does === 'hold') await scenario.goesOn('its task was opened again')
  met.release()
  return hasCome
}
