// pnpm run crash: real processes, a real Kafka, and everything that can happen to them. Prints figures; ends with 1 if a
// promise was broken, or if something did not happen that had to.
import { parseArgs } from 'node:util'
import { Random } from '../simulator/random.js'
import { type Part, tell } from './figures.js'
import { group } from './group.js'
import { killMatrix } from './kill-matrix.js'
import { OLDER_POINTS, POINTS } from './points.js'
import { openStage } from './stage.js'

const SEEDS = 2 ** 31
/** Transactions as they were before KIP-890 part 2. */
const OLDER = { features: { 'transaction.version': 1 } }

const PARTS: Readonly<Record<string, (random: Random) => Promise<Part>>> = {
  async kills(random) {
    await using stage = await openStage()
    return await killMatrix(stage, 'kills', POINTS, random)
  },
  async 'older kills'(random) {
    await using stage = await openStage(OLDER)
    return await killMatrix(stage, 'older-kills', OLDER_POINTS, random)
  },
  async group(random) {
    await using stage = await openStage()
    return await group(stage, random)
  },
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { seed: { type: 'string' }, only: { type: 'string' } } })
  const seed = values.seed === undefined ? Math.floor(Math.random() * SEEDS) : Number(values.seed)
  console.log(`seed ${seed}`)
  const random = new Random(seed)
  const began = performance.now()
  const parts: Part[] = []
  for (const [name, play] of Object.entries(PARTS)) {
    const own = new Random(random.between(0, SEEDS))
    if (values.only !== undefined && values.only !== name) continue
    const from = performance.now()
    parts.push(await play(own))
    console.log(`${name}: ${Math.round((performance.now() - from) / 1_000)} s`)
  }
  const isGood = tell(parts, values.only === undefined)
  console.log(JSON.stringify({ seconds: Math.round((performance.now() - began) / 1_000) }))
  return isGood ? 0 : 1
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error)
    process.exit(2)
  },
)
