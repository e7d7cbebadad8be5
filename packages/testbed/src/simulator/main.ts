// node simulator.js [--seeds N] [--from SEED] [--seed SEED] [--trace] [--without FAULT...]
import { parseArgs } from 'node:util'
import { FAULTS, type Fault } from './nemesis.js'
import { simulate } from './simulate.js'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    without: { type: 'string', multiple: true, default: [] },
    horizon: { type: 'string' },
  },
})
const isFault = (name: string): name is Fault => FAULTS.some((fault) => fault === name)
const without = values.without.filter(isFault)
const first = Number(values.seed ?? values.from)
const count = values.seed === undefined ? Number(values.seeds) : 1
const totals = { seeds: 0, steps: 0, events: 0, failed: 0 }
const faults: Partial<Record<Fault, number>> = {}
const began = performance.now()
for (let seed = first; seed < first + count; seed++) {
  const result = await simulate({
    seed,
    without,
    keepsTrace: values.trace,
    ...(values.horizon !== undefined && { horizonMs: Number(values.horizon) }),
  })
  totals.seeds++
  totals.steps += result.steps
  totals.events += result.events
  for (const [fault, times] of Object.entries(result.faults) as [Fault, number][])
    faults[fault] = (faults[fault] ?? 0) + times
  if (values.trace) console.log(result.trace?.join('\n'))
  if (values.seed !== undefined)
    console.log(JSON.stringify({ ...result, cluster: undefined, trace: undefined, violations: undefined }))
  if (values.seed !== undefined) for (const violation of result.violations) console.log(JSON.stringify(violation))
  if (result.violations.length === 0) continue
  totals.failed++
  const { law, text, partition, event } = result.violations[0] as (typeof result.violations)[number]
  console.log(
    `seed ${seed}: ${result.violations.length} violations, first ${law}: ${event === undefined ? '' : `event [${partition}]@${event} `}${text}`,
  )
}
console.log(JSON.stringify({ ...totals, faults, seconds: Math.round((performance.now() - began) / 100) / 10 }))
process.exit(totals.failed === 0 ? 0 : 1)
