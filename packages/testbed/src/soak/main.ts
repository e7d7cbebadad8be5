// pnpm soak --minutes N --seed S: the crash tests, round by round with seeds of their own, and histories of the simulator in
// processes beside them that take what is left of the machine, for as long as asked. Ends with one summary, on SIGINT too; with 1 if a promise was broken.
// Without Kafka only the simulator plays.
import { availableParallelism, constants, setPriority } from 'node:os'
import { parseArgs } from 'node:util'
import { Figures } from '../crash/figures.js'
import { PARTS } from '../crash/parts.js'
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
  const kept = await usableStores()
  const seed = values.seed === undefined ? Math.floor(Math.random() * SEEDS) : Number(values.seed)
  const began = performance.now()
  const isOver = () => performance.now() - began > minutes * MINUTE_MS
  const crash = new Figures()
  const simulator = new SimulatorStatistics(WORKLOADS)
  let rounds = 0
  let errors = 0
  const end = (): number => {
    const isReached = crash.tell(rounds > 0) && tellMissed(simulator)
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
    console.log('SIGINT: what was being played is not verified')
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
    console.error('the simulator has ended', error)
  })
  while (kept !== undefined && !isOver()) {
    const roundSeed = random.between(0, SEEDS)
    const own = new Random(roundSeed)
    console.log(`round ${rounds + 1}: pnpm run crash --seed ${roundSeed}`)
    for (const play of Object.values(PARTS)) {
      const mine = own.fork()
      if (isOver()) break
      try {
        crash.add(await play(mine, kept))
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

function tellMissed({ missed }: SimulatorStatistics): boolean {
  if (missed.length > 0) console.log(`NOT REACHED: simulated ${missed.join(', ')}`)
  return missed.length === 0
}

if (values[WORKER.slice(2)] === true) {
  setPriority(constants.priority.PRIORITY_LOW) // crash tests have time limits, histories have none
  serveSeedRuns()
} else
  soak().then(
    (code) => process.exit(code),
    (error: unknown) => {
      console.error(error)
      process.exit(2)
    },
  )
