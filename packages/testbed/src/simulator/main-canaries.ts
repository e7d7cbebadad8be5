// Finds, for each canary, the first seed that catches it; or replays the seeds that are known to (--replay FILE).
import { readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { CANARIES } from './canaries.js'
import { fly, hatch } from './hatch-canary.js'

const TIMEOUT_MS = 300_000
const REPLAY_TIMEOUT_MS = 60_000

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '2000' },
      only: { type: 'string' },
      replay: { type: 'string' },
      save: { type: 'string' },
    },
  })

  const known: Record<string, number> =
    values.replay === undefined ? {} : JSON.parse(await readFile(values.replay, 'utf8'))
  const caught: Record<string, number> = {}
  const healthy = await hatch()
  let escaped = 0
  for (const canary of CANARIES) {
    if (values.only !== undefined && !canary.name.includes(values.only)) continue
    const program = await hatch(canary)
    const seed = known[canary.name]
    if (values.replay !== undefined && seed === undefined) {
      escaped++
      console.log(`no seed is known for: ${canary.name}`)
      continue
    }
    const args = seed === undefined ? ['--from', '1', '--seeds', values.seeds, '--first'] : ['--seed', String(seed)]
    const flight = await fly(program, args, seed === undefined ? TIMEOUT_MS : REPLAY_TIMEOUT_MS)
    const by = flight.seed ?? seed
    const sound = by === undefined ? undefined : await fly(healthy, ['--seed', String(by)], REPLAY_TIMEOUT_MS)
    if (!flight.caught || by === undefined || sound?.caught) {
      escaped++
      console.log(`NOT CAUGHT: ${canary.name}${sound?.caught ? ' (the seed fails without it, too)' : ''}`)
      if (flight.caught) console.log(flight.output.slice(-500))
      continue
    }
    caught[canary.name] = by
    const law = /first ([^:]+):/.exec(flight.output)?.[1] ?? 'it did not come to an end'
    console.log(`caught by seed ${by} (${law}): ${canary.name}`)
  }
  console.log(`${Object.keys(caught).length} canaries caught, ${escaped} not`)
  if (values.save !== undefined) await writeFile(values.save, `${JSON.stringify(caught, null, 2)}\n`)
  return escaped === 0 ? 0 : 1
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error)
    process.exit(2)
  },
)
