// pnpm run crash: injects faults into real processes with a real Kafka. Prints statistics, and exits with 1 if a promise was violated
// or if a fault occurred too rarely. Without Kafka nothing runs; without Redis, no workers with stores in Redis.
import { parseArgs } from 'node:util'
import { Random } from '../simulator/random.js'
import { PARTS } from './parts.js'
import { CrashStatistics } from './statistics.js'
import { usableStores } from './worker/usable-stores.js'

const SEEDS = 2 ** 31

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { seed: { type: 'string' }, only: { type: 'string' } } })
  const storeLocations = await usableStores()
  if (storeLocations === undefined) return 0
  const seed = values.seed === undefined ? Math.floor(Math.random() * SEEDS) : Number(values.seed)
  console.log(`seed ${seed}`)
  const random = new Random(seed)
  const began = performance.now()
  const statistics = new CrashStatistics()
  for (const [name, play] of Object.entries(PARTS)) {
    const own = random.fork()
    if (values.only !== undefined && values.only !== name) continue
    const from = performance.now()
    statistics.add(await play(own, storeLocations))
    console.log(`${name}: ${Math.round((performance.now() - from) / 1_000)} s`)
  }
  const isReached = statistics.print(values.only === undefined)
  const { totals } = statistics
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
