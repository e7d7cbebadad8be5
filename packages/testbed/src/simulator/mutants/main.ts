// Builds the simulator once for each seeded bug and looks for a seed that catches it. It tries the seed of --known FILE first, then
// all from 1 to --seeds, and writes the seeds that it found to FILE, and to the table of --docs FILE. --replay tries known seeds
// only. --only WORDS and --workload NAME choose some of the bugs; --jobs N runs as many at a time; --list prints the table and ends.
import { readFile, rm, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import type { SeedRun } from '../run-seed.js'
import { SimulatorWorker } from '../simulator-worker.js'
import { buildMutant, buildOriginal } from './build-mutant.js'
import { type KillingSeed, type KillingSeeds, tableOf, withTable } from './killing-seeds.js'
import type { Mutant } from './mutant.js'
import { MUTANTS } from './mutants.js'
import { runMutant } from './run-mutant.js'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '2000' },
    only: { type: 'string' },
    workload: { type: 'string' },
    replay: { type: 'boolean', default: false },
    known: { type: 'string' },
    docs: { type: 'string' },
    list: { type: 'boolean', default: false },
    jobs: { type: 'string', default: String(availableParallelism()) },
  },
})

type Verdict = KillingSeed | { readonly survived: string }

/**
 * @param original plays the simulator without seeded bugs
 * @param known tried first
 * @returns a seed that fails with the mutant and passes without it
 */
async function findKillingSeed(mutant: Mutant, original: SimulatorWorker, known: number | undefined): Promise<Verdict> {
  const { workload } = mutant
  const program = await buildMutant(mutant)
  const tryAll = async (runs: readonly SeedRun[]): Promise<Verdict> => {
    const killed = await runMutant(program, runs)
    if (killed === undefined) return { survived: 'no violation found' }
    const { failure } = await original.run({ seed: killed.seed, workload })
    return failure === undefined ? killed : { survived: `seed ${killed.seed} also fails without the bug` }
  }
  try {
    const replayed: Verdict =
      known === undefined ? { survived: 'no seed is known' } : await tryAll([{ seed: known, workload }])
    if (values.replay || 'seed' in replayed) return replayed
    return await tryAll(Array.from({ length: Number(values.seeds) }, (_, i) => ({ seed: i + 1, workload })))
  } finally {
    await rm(dirname(program), { recursive: true, force: true })
  }
}

async function findAll(mutants: readonly Mutant[], known: KillingSeeds): Promise<KillingSeeds> {
  const killed: Record<string, KillingSeed> = {}
  const program = await buildOriginal()
  const remaining = mutants.values()
  const work = async (): Promise<void> => {
    const original = new SimulatorWorker(program)
    try {
      for (const mutant of remaining) {
        const verdict = await findKillingSeed(mutant, original, known[mutant.name]?.seed)
        if ('seed' in verdict) killed[mutant.name] = verdict
        console.log(
          'seed' in verdict
            ? `caught by seed ${verdict.seed} (${verdict.law}): ${mutant.name}`
            : `SURVIVED: ${mutant.name}: ${verdict.survived}`,
        )
      }
    } finally {
      original.close()
    }
  }
  try {
    await Promise.all(Array.from({ length: Number(values.jobs) }, work))
  } finally {
    await rm(dirname(program), { recursive: true, force: true })
  }
  return killed
}

async function main(): Promise<number> {
  const known: KillingSeeds = values.known === undefined ? {} : JSON.parse(await readFile(values.known, 'utf8'))
  if (values.list) {
    console.log(tableOf(known))
    return 0
  }
  const chosen = MUTANTS.filter(
    ({ name, workload }) => name.includes(values.only ?? '') && workload.includes(values.workload ?? ''),
  )
  const killed = await findAll(chosen, known)
  const count = Object.keys(killed).length
  console.log(`${count} of ${chosen.length} seeded bugs caught`)
  if (!values.replay && values.known !== undefined) {
    const all = { ...known, ...killed }
    const sorted = Object.fromEntries(
      MUTANTS.flatMap(({ name }) => (name in all ? [[name, all[name] as KillingSeed]] : [])),
    )
    await writeFile(values.known, `${JSON.stringify(sorted, null, 2)}\n`)
    if (values.docs !== undefined) await writeFile(values.docs, withTable(await readFile(values.docs, 'utf8'), sorted))
  }
  return count === chosen.length ? 0 : 1
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error)
    process.exit(2)
  },
)
