// Simulates --seeds N histories from --from SEED on (default: a random seed) in --jobs N processes, of one --workload or of both.
// --corpus FILE runs the listed seeds first; --first stops at the first failure. With --seed, one history: --trace prints its steps,
// --only FAULTS leaves out all other faults, and --horizon MS ends it earlier.
import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { describeViolation, explain, summaryOf } from './explain.js'
import type { SeedResult, SeedRun } from './run-seed.js'
import { runSeeds } from './run-seeds.js'
import { WORKLOADS, type Workload } from './scenario/scenario.js'
import { simulate } from './simulate.js'
import { serveSeedRuns, WORKER } from './simulator-worker.js'
import { SimulatorStatistics } from './statistics.js'

/** From this many seeds on, each fault must have occurred. */
const MIN_SEEDS_FOR_FAULTS = 200
/** If both workloads run, each seed is simulated with calls, and every fourth one with joins, too. */
const JOINS_EVERY = 4

const { values } = parseArgs({
  options: {
    workload: { type: 'string' },
    seeds: { type: 'string', default: '100' },
    from: { type: 'string' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    seed: { type: 'string' },
    corpus: { type: 'string' },
    first: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
    only: { type: 'string' },
    horizon: { type: 'string' },
    [WORKER.slice(2)]: { type: 'boolean', default: false },
  },
})

const workloads = WORKLOADS.filter((workload) => values.workload === undefined || workload === values.workload)

/** Seeds that have failed before, by workload. */
async function readCorpus(): Promise<readonly SeedRun[]> {
  if (values.corpus === undefined) return []
  const corpus = JSON.parse(await readFile(values.corpus, 'utf8')) as Record<Workload, number[]>
  return workloads.flatMap((workload) => corpus[workload].map((seed) => ({ seed, workload })))
}

async function runMany(): Promise<number> {
  const corpus = await readCorpus()
  const first = values.from === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.from)
  const wanted = Number(values.seeds)
  console.log(`${wanted} seeds of ${workloads.join(' and ')} from ${first}, and ${corpus.length} of the corpus`)
  const isSingle = workloads.length === 1
  const newRuns = Array.from({ length: wanted }, (_, i) =>
    workloads
      .filter((workload) => isSingle || workload === 'calls' || i % JOINS_EVERY === 0)
      .map((workload) => ({ seed: first + i, workload })),
  )
  const runs = [...corpus, ...newRuns.flat()].values()
  const statistics = new SimulatorStatistics(workloads)
  const failed: SeedResult[] = []
  const began = performance.now()
  await runSeeds(
    Number(values.jobs),
    () => runs.next().value,
    (result) => {
      const failure = statistics.add(result)
      if (failure === undefined) return true
      failed.push(result)
      console.log(failure)
      return !values.first
    },
  )
  const seconds = Math.round((performance.now() - began) / 100) / 10
  console.log(JSON.stringify({ ...statistics.totals, seconds }))
  const [worst] = failed
  if (worst !== undefined && !values.first)
    for (const line of await explain(await simulate({ seed: worst.seed, workload: worst.workload }))) console.log(line)
  const { missed } = statistics
  if (missed.length === 0 || values.first || wanted < MIN_SEEDS_FOR_FAULTS) return failed.length === 0 ? 0 : 1
  console.log(`faults that never occurred: ${missed.join(', ')}`)
  return 1
}

async function runOne(seed: number): Promise<number> {
  const history = await simulate({
    seed,
    workload: workloads.length === 1 ? (workloads[0] as Workload) : 'joins',
    keepsTrace: values.trace,
    horizonMs: values.horizon === undefined ? undefined : Number(values.horizon),
    only: values.only?.split(',').filter(Boolean).map(Number),
  })
  if (values.trace) console.log(history.trace?.join('\n'))
  const { steps, events, faults, hash, scenario, violations } = history
  console.log(JSON.stringify({ seed, steps, events, faults, hash, scenario }))
  for (const violation of violations) console.log(describeViolation(violation))
  console.log(summaryOf(history))
  return violations.length === 0 ? 0 : 1
}

if (values[WORKER.slice(2)] === true) serveSeedRuns()
else
  (values.seed === undefined ? runMany() : runOne(Number(values.seed))).then(
    (code) => process.exit(code),
    (error: unknown) => {
      console.error(error)
      process.exit(2)
    },
  )
