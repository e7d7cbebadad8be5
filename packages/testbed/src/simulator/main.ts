// Plays histories of a --workload (default: of both): --seeds N from --from SEED (default: fresh ones) in --jobs N processes,
// or one --seed; --first stops at the first that fails; --corpus FILE plays the listed seeds first; --trace, --only FAULTS and
// --horizon MS look closer at one.
import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { ending, explain, inWords } from './explain.js'
import { SimulatorFigures } from './figures.js'
import type { Play, Played } from './play-seed.js'
import { playSeeds } from './play-seeds.js'
import { WORKLOADS, type Workload } from './scenario/scenario.js'
import { PLAYER, servePlayer } from './seed-player.js'
import { simulate } from './simulate.js'

/** With so many seeds, each fault has to have happened. */
const ENOUGH = 200
/** Where both workloads play, each seed is one history of calls, and every so many-th one of joins. */
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
    [PLAYER.slice(2)]: { type: 'boolean', default: false },
  },
})

const workloads = WORKLOADS.filter((workload) => values.workload === undefined || workload === values.workload)

/** Seeds that failed once, by workload. */
async function readCorpus(): Promise<readonly Play[]> {
  if (values.corpus === undefined) return []
  const corpus = JSON.parse(await readFile(values.corpus, 'utf8')) as Record<Workload, number[]>
  return workloads.flatMap((workload) => corpus[workload].map((seed) => ({ seed, workload })))
}

async function playMany(): Promise<number> {
  const corpus = await readCorpus()
  const first = values.from === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.from)
  const wanted = Number(values.seeds)
  console.log(`${wanted} seeds of ${workloads.join(' and ')} from ${first}, and ${corpus.length} of the corpus`)
  const isAlone = workloads.length === 1
  const fresh = Array.from({ length: wanted }, (_, i) =>
    workloads
      .filter((workload) => isAlone || workload === 'calls' || i % JOINS_EVERY === 0)
      .map((workload) => ({ seed: first + i, workload })),
  )
  const plays = [...corpus, ...fresh.flat()].values()
  const figures = new SimulatorFigures(workloads)
  const failed: Played[] = []
  const began = performance.now()
  await playSeeds(
    Number(values.jobs),
    () => plays.next().value,
    (played) => {
      const failure = figures.add(played)
      if (failure === undefined) return true
      failed.push(played)
      console.log(failure)
      return !values.first
    },
  )
  const seconds = Math.round((performance.now() - began) / 100) / 10
  console.log(JSON.stringify({ ...figures.totals, seconds }))
  const [worst] = failed
  if (worst !== undefined && !values.first)
    for (const line of await explain(await simulate({ seed: worst.seed, workload: worst.workload }))) console.log(line)
  const { missed } = figures
  if (missed.length === 0 || values.first || wanted < ENOUGH) return failed.length === 0 ? 0 : 1
  console.log(`faults that never happened: ${missed.join(', ')}`)
  return 1
}

async function playOne(seed: number): Promise<number> {
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
  for (const violation of violations) console.log(inWords(violation))
  console.log(ending(history))
  return violations.length === 0 ? 0 : 1
}

if (values[PLAYER.slice(2)] === true) servePlayer()
else
  (values.seed === undefined ? playMany() : playOne(Number(values.seed))).then(
    (code) => process.exit(code),
    (error: unknown) => {
      console.error(error)
      process.exit(2)
    },
  )
