// Plays histories: --seeds N from --from SEED (default: fresh ones), or one --seed; --first stops at the first that fails;
// --corpus FILE plays the listed seeds first; --trace, --without FAULT and --horizon MS look closer at one.
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { FAULTS, type Fault } from './nemesis.js'
import { shrink } from './shrink.js'
import { type SimResultOf, simulate } from './simulate.js'

/** A history counts if it had so many steps and faults. */
const LEAST_STEPS = 2_000
const LEAST_FAULTS = 3
/** One in so many seeds is played twice: the same seed has to give the same history. */
const TWICE = 100

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '100' },
      from: { type: 'string' },
      seed: { type: 'string' },
      corpus: { type: 'string' },
      first: { type: 'boolean', default: false },
      trace: { type: 'boolean', default: false },
      without: { type: 'string', multiple: true, default: [] },
      horizon: { type: 'string' },
    },
  })
  const without = values.without.filter((name): name is Fault => FAULTS.some((fault) => fault === name))
  const play = (seed: number, keepsTrace = false): Promise<SimResultOf> =>
    simulate({ seed, without, keepsTrace, ...(values.horizon !== undefined && { horizonMs: Number(values.horizon) }) })
  if (values.seed !== undefined) return showOne(await play(Number(values.seed), values.trace), values.trace)

  const corpus: readonly number[] =
    values.corpus === undefined ? [] : (JSON.parse(await readFile(values.corpus, 'utf8')) as { seeds: number[] }).seeds
  const first = values.from === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.from)
  const wanted = Number(values.seeds)
  console.log(`${wanted} seeds from ${first}, and ${corpus.length} of the corpus`)
  const totals = { played: 0, counted: 0, steps: 0, events: 0, failed: 0 }
  const faults: Partial<Record<Fault, number>> = {}
  const began = performance.now()
  const one = async (seed: number): Promise<boolean> => {
    const result = await play(seed)
    totals.played++
    totals.steps += result.steps
    totals.events += result.events
    if (result.steps >= LEAST_STEPS && result.faultCount >= LEAST_FAULTS) totals.counted++
    for (const [fault, times] of Object.entries(result.faults) as [Fault, number][])
      faults[fault] = (faults[fault] ?? 0) + times
    const isSame = seed % TWICE !== 0 || (await play(seed)).hash === result.hash
    if (result.violations.length === 0 && isSame) return true
    totals.failed++
    console.log(isSame ? firstOf(result) : `seed ${seed}: 1 violations, first I19: another history at the second time`)
    return false
  }
  for (const seed of corpus) await one(seed)
  totals.counted = 0
  for (let seed = first; totals.counted < wanted; seed++) {
    if (await one(seed)) continue
    if (values.first) break
    if (totals.failed === 1) await explain(seed, without)
  }
  const seconds = Math.round((performance.now() - began) / 100) / 10
  console.log(JSON.stringify({ ...totals, faults, seconds }))
  const missed = FAULTS.filter((fault) => !without.includes(fault) && faults[fault] === undefined)
  if (missed.length > 0 && !values.first && wanted >= TWICE) {
    console.log(`faults that never happened: ${missed.join(', ')}`)
    return 1
  }
  return totals.failed === 0 ? 0 : 1
}

function firstOf({ seed, violations }: SimResultOf): string {
  const [violation] = violations
  if (violation === undefined) return `seed ${seed}: nothing is wrong`
  const { law, text, partition, event } = violation
  const where = event === undefined ? '' : `event [${partition}]@${event} `
  return `seed ${seed}: ${violations.length} violations, first ${law}: ${where}${text}`
}

function showOne(result: SimResultOf, hasTrace: boolean): number {
  if (hasTrace) console.log(result.trace?.join('\n'))
  const { seed, steps, events, faults, hash, scenario, violations } = result
  console.log(JSON.stringify({ seed, steps, events, faults, hash, scenario }))
  for (const violation of violations) console.log(JSON.stringify(violation))
  console.log(firstOf(result))
  return violations.length === 0 ? 0 : 1
}

/** The shortest history with the fewest kinds of faults that still fails. */
async function explain(seed: number, without: readonly Fault[]): Promise<void> {
  const { without: left, horizonMs, result } = await shrink(seed, without)
  console.log(firstOf(result))
  const options = [
    ...left.map((fault) => `--without "${fault}"`),
    horizonMs === undefined ? '' : `--horizon ${horizonMs}`,
  ]
  console.log(`look at it with --seed ${seed} ${options.join(' ')} --trace`)
  console.log(JSON.stringify(result.scenario))
  for (const line of result.trace?.filter((text) =>
    /nemesis|is (running|restoring|rebalancing)|reopens|tries/.test(text),
  ) ?? [])
    console.log(`  ${line}`)
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error)
    process.exit(2)
  },
)
