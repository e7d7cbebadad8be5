// pnpm soak --minutes N --seed S: runs the crash tests round by round with different seeds, and the simulator in low-priority
// processes next to them. Ends with a summary, on SIGINT too, and exits with 1 if a promise was violated. Without Kafka, only the
// simulator runs.
import { availableParallelism, constants, setPriority } from 'node:os'
import { parseArgs } from 'node:util'
import { PARTS } from '../crash/parts.js'
import { CrashStatistics } from '../crash/statistics.js'
import { usableStores } from '../crash/worker/usable-stores.js'
import { Random } from '../simulator/random.js'
import { runSeeds } from '../simulator/run-seeds.js'
import { WORKLOADS, type Workload } from '../simulator/scenario/scenario.js'
import { serveSeedRuns, WORKER } from '../simulator/simulator-worker.js'
import { SimulatorStatistics } from '../simulator/statistics.js'

const SEEDS = 2 ** 31
const MINUTE_MS = 60_000

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    seed: { type: 'string' },
    [WORKER.slice(2)]: { type: 'boolean', default: false },
  },
})

async function soak(): Promise<number> {
  const minutes = Number(values.minutes)
  if (!(minutes > 0)) throw new Error(`--minutes is ${values.minutes}: use a number above 0`)
  const storeLocations = await usableStores()
  const seed = values.seed === undefined ? Math.floor(Math.random() * SEEDS) : Number(values.seed)
  const began = performance.now()
  const isOver = () => performance.now() - began > minutes * MINUTE_MS
  const crash = new CrashStatistics()
  const simulator = new SimulatorStatistics(WORKLOADS)
  let rounds = 0
  let errors = 0
  const end = (): number => {
    const isReached = crash.print(rounds > 0) && printMissed(simulator)
    const { violations, ...totals } = crash.totals
    const all = violations + simulator.totals.failed
    const seconds = Math.round((performance.now() - began) / 1_000)
    const summary = {
      ...totals,
      happened: crash.happened,
      simulator: simulator.totals,
      errors,
      violations: all,
      seconds,
    }
    console.log(JSON.stringify({ seed, rounds, ...summary }))
    return all === 0 && errors === 0 && (rounds === 0 || isReached) ? 0 : 1
  }
  process.once('SIGINT', () => {
    console.log('SIGINT: the part that was running is not verified')
    process.exit(end())
  })
  console.log(`seed ${seed}, ${minutes} minutes`)
  const random = new Random(seed)
  let next = random.between(0, SEEDS)
  const simulating = runSeeds(
    availableParallelism(),
    () => (isOver() ? undefined : { seed: next++, workload: WORKLOADS[next % WORKLOADS.length] as Workload }),
    (result) => {
      const wrong = simulator.add(result)
      if (wrong !== undefined)
        console.log(`${wrong}: pnpm run simulate --workload ${result.workload} --seed ${result.seed}`)
      return true
    },
  ).catch((error: unknown) => {
    errors++
    console.error('the simulator failed', error)
  })
  while (storeLocations !== undefined && !isOver()) {
    const roundSeed = random.between(0, SEEDS)
    const own = new Random(roundSeed)
    console.log(`round ${rounds + 1}: pnpm run crash --seed ${roundSeed}`)
    for (const runPart of Object.values(PARTS)) {
      const mine = own.fork()
      if (isOver()) break
      try {
        crash.add(await runPart(mine, storeLocations))
      } catch (error) {
        errors++
        console.error(error)
      }
    }
    if (!isOver()) rounds++
    const { joins, calls, failed } = simulator.totals
    console.log(JSON.stringify({ rounds, ...crash.totals, joins, calls, failed }))
  }
  await simulating
  return end()
}

function printMissed({ missed }: SimulatorStatistics): boolean {
  if (missed.length > 0) console.log(`NOT REACHED: simulated ${missed.join(', ')}`)
  return missed.length === 0
}

if (values[WORKER.slice(2)] === true) {
  setPriority(constants.priority.PRIORITY_LOW) // crash tests have time limits, the simulator has none
  serveSeedRuns()
} else
  soak().then(
    (code) => process.exit(code),
    (error: unknown) => {
      console.error(error)
      process.exit(2)
    },
  )
