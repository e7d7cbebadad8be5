// Finds a seed that catches each canary (--only WORDS, --machine NAME: some of them): the one of --known FILE, or if that does not, the first
// from 1 on, and writes FILE and the table of --docs FILE anew. With --replay known seeds are all that is tried; --list only
// prints them.
import { readFile, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { CANARIES } from './canaries.js'
import type { Canary } from './canary.js'
import { type Flight, fly, hatch } from './hatch-canary.js'
import { type KnownSeed, type KnownSeeds, tableOf, withTable } from './known-seeds.js'

const TIMEOUT_MS = 900_000
const REPLAY_TIMEOUT_MS = 240_000

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '2000' },
    only: { type: 'string' },
    machine: { type: 'string' },
    replay: { type: 'boolean', default: false },
    known: { type: 'string' },
    docs: { type: 'string' },
    list: { type: 'boolean', default: false },
    jobs: { type: 'string', default: String(availableParallelism()) },
  },
})

type Verdict = KnownSeed | { readonly escaped: string }

/** The seed that catches it, and does not fail without it: the known one, or the first from 1 on. */
async function hunt(canary: Canary, healthy: string, known: number | undefined): Promise<Verdict> {
  const program = await hatch(canary)
  if (known !== undefined) {
    const flight = await fly(program, seedOf(canary, known), REPLAY_TIMEOUT_MS)
    const verdict = await judge(canary, flight, known, healthy)
    if (values.replay || 'seed' in verdict) return verdict
  }
  if (values.replay) return { escaped: 'no seed is known for it' }
  const args = ['--machine', canary.machine, '--from', '1', '--seeds', values.seeds, '--jobs', '1', '--first']
  const flight = await fly(program, args, TIMEOUT_MS)
  return judge(canary, flight, flight.seed, healthy)
}

const seedOf = ({ machine }: Canary, seed: number): string[] => ['--machine', machine, '--seed', String(seed)]

async function judge(
  canary: Canary,
  { caught, output }: Flight,
  seed: number | undefined,
  healthy: string,
): Promise<Verdict> {
  if (!caught || seed === undefined) return { escaped: `not caught ${output.slice(-500)}` }
  const sound = await fly(healthy, seedOf(canary, seed), REPLAY_TIMEOUT_MS)
  if (sound.caught) return { escaped: `seed ${seed} fails without it, too` }
  return { seed, law: /first ([^:]+):/.exec(output)?.[1] ?? 'it did not come to an end' }
}

async function main(): Promise<number> {
  const known: KnownSeeds = values.known === undefined ? {} : JSON.parse(await readFile(values.known, 'utf8'))
  if (values.list) {
    console.log(tableOf(known))
    return 0
  }
  const chosen = CANARIES.filter(
    ({ name, machine }) => name.includes(values.only ?? '') && machine.includes(values.machine ?? ''),
  )
  const caught: Record<string, KnownSeed> = {}
  const healthy = await hatch()
  const left = chosen.values()
  const huntNext = async (): Promise<void> => {
    for (const canary of left) {
      const verdict = await hunt(canary, healthy, known[canary.name]?.seed)
      if ('seed' in verdict) caught[canary.name] = verdict
      console.log(
        'seed' in verdict
          ? `caught by seed ${verdict.seed} (${verdict.law}): ${canary.name}`
          : `ESCAPED: ${canary.name}: ${verdict.escaped}`,
      )
    }
  }
  await Promise.all(Array.from({ length: Number(values.jobs) }, huntNext))
  console.log(`${Object.keys(caught).length} of ${chosen.length} canaries caught`)
  if (!values.replay && values.known !== undefined) {
    const all = { ...known, ...caught }
    const sorted = Object.fromEntries(
      CANARIES.flatMap(({ name }) => (name in all ? [[name, all[name] as KnownSeed]] : [])),
    )
    await writeFile(values.known, `${JSON.stringify(sorted, null, 2)}\n`)
    if (values.docs !== undefined) await writeFile(values.docs, withTable(await readFile(values.docs, 'utf8'), sorted))
  }
  return Object.keys(caught).length === chosen.length ? 0 : 1
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error)
    process.exit(2)
  },
)
