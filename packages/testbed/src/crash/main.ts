// pnpm run crash: real processes, a real Kafka, and everything that can happen to them. Prints figures; ends with 1 if a
// promise was broken, or if something did not happen that had to. Without Kafka nothing runs, without Redis no stores in it.
import { parseArgs } from 'node:util'
import { Random } from '../simulator/random.js'
import { Figures } from './figures.js'
import { PARTS } from './parts.js'
import { usableStores } from './worker/usable-stores.js'

const SEEDS = 2 ** 31

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { seed: { type: 'string' }, only: { type: 'string' } } })
  const kept = await usableStores()
  if (kept === undefined) return 0
  const seed = values.seed === undefined ? Math.floor(Math.random() * SEEDS) : Number(values.seed)
  console.log(`seed ${seed}`)
  const random = new Random(seed)
  const began = performance.now()
  const figures = new Figures()
  for (const [name, play] of Object.entries(PARTS)) {
    const own = random.fork()
    if (values.only !== undefined && values.only !== name) continue
    const from = performance.now()
    figures.add(await play(own, kept))
    console.log(`${name}: ${Math.round((performance.now() - from) / 1_000)} s`)
  }
  const isReached = figures.tell(values.only === undefined)
  const { totals } = figures
  console.log(JSON.stringify({ ...totals, seconds: Math.round((performance.now() - began) / 1_000) }))
  return isReached && totals.violations === 0 ? 0 : 1
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error)
    process.exit(2)
  },
)
