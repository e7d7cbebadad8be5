// Builds the simulator once for each seeded bug and looks for a seed that catches it. It tries the seed of --known FILE first, then
// all from 1 to --seeds, and writes the seeds that it found to FILE, and the table of --docs FILE. --replay tries known seeds only.
// --only WORDS and --workload NAME choose some of the bugs; --jobs N runs as many at a time; --list prints the table and ends.
import { readFile, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { buildMutant, buildOriginal } from './build-mutant.js'
import { type KillingSeed, type KillingSeeds, tableOf, withTable } from './killing-seeds.js'
import type { Mutant } from './mutant.js'
import { MUTANTS } from './mutants.js'
import { type MutantRun, runMutant } from './run-mutant.js'

const TIMEOUT_MS = 900_000
const REPLAY_TIMEOUT_MS = 240_000

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

/** @returns the known seed, or the first from 1 on, that fails with the mutant and passes without it */
async function findKillingSeed(mutant: Mutant, original: string, known: number | undefined): Promise<Verdict> {
  const program = await buildMutant(mutant)
  if (known !== undefined) {
    const run = await runMutant(program, seedArgs(mutant, known), REPLAY_TIMEOUT_MS)
    const verdict = await judge(mutant, run, known, original)
    if (values.replay || 'seed' in verdict) return verdict
  }
  if (values.replay) return { survived: 'no seed is known' }
  const args = ['--workload', mutant.workload, '--from', '1', '--seeds', values.seeds, '--jobs', '1', '--first']
  const run = await runMutant(program, args, TIMEOUT_MS)
  return judge(mutant, run, run.seed, original)
}

const seedArgs = ({ workload }: Mutant, seed: number): string[] => ['--workload', workload, '--seed', String(seed)]

async function judge(
  mutant: Mutant,
  { isKilled, output }: MutantRun,
  seed: number | undefined,
  original: string,
): Promise<Verdict> {
  if (!isKilled || seed === undefined) return { survived: `no violation found: ${output.slice(-500)}` }
  const run = await runMutant(original, seedArgs(mutant, seed), REPLAY_TIMEOUT_MS)
  if (run.isKilled) return { survived: `seed ${seed} also fails without the bug` }
  return { seed, law: /first ([^:]+):/.exec(output)?.[1] ?? 'the run did not end' }
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
  const killed: Record<string, KillingSeed> = {}
  const original = await buildOriginal()
  const remaining = chosen.values()
  const work = async (): Promise<void> => {
    for (const mutant of remaining) {
      const verdict = await findKillingSeed(mutant, original, known[mutant.name]?.seed)
      if ('seed' in verdict) killed[mutant.name] = verdict
      console.log(
        'seed' in verdict
          ? `caught by seed ${verdict.seed} (${verdict.law}): ${mutant.name}`
          : `SURVIVED: ${mutant.name}: ${verdict.survived}`,
      )
    }
  }
  await Promise.all(Array.from({ length: Number(values.jobs) }, work))
  console.log(`${Object.keys(killed).length} of ${chosen.length} seeded bugs caught`)
  if (!values.replay && values.known !== undefined) {
    const all = { ...known, ...killed }
    const sorted = Object.fromEntries(
      MUTANTS.flatMap(({ name }) => (name in all ? [[name, all[name] as KillingSeed]] : [])),
    )
    await writeFile(values.known, `${JSON.stringify(sorted, null, 2)}\n`)
    if (values.docs !== undefined) await writeFile(values.docs, withTable(await readFile(values.docs, 'utf8'), sorted))
  }
  return Object.keys(killed).length === chosen.length ? 0 : 1
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error)
    process.exit(2)
  },
)
