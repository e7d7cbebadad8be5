// Measures what many partitions cost: the processor time of program and broker at a constant rate, that of an idle application
// with the largest number of partitions, and how long its restart takes.
//   pnpm bench:partitions [--partitions 4,64,256] [--rate 2000] [--commit-every 100ms] [--only rate,idle,restart] [--runs 3]
//     [--seconds 30] [--warm-up 10] [--broker-warm-up 30] [--rows 100000] [--resolution-ms 5] [--core N] [--results FILE]
//     [none] [joinery] [NAME=COMMAND ...]
// A command is one process with the environment variables of activation.js. Default: no program, and Joinery with the commit
// interval. Without KAFKA_BROKERS a broker is started. Exits with 1 if an output is not as expected.
import { parseArgs } from 'node:util'
import { joinery, NO_PROGRAM, parseProgram } from './measured-program.js'
import { Benchmark } from './open-loop/benchmark.js'
import { COMMON_ARGUMENTS, commonOptions, numberOf, numbersOf } from './open-loop/benchmark-arguments.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ...COMMON_ARGUMENTS,
    partitions: { type: 'string', default: '4,64,256' },
    rate: { type: 'string', default: '2000' },
    'commit-every': { type: 'string', default: '100ms' },
    only: { type: 'string', default: 'rate,idle,restart' },
    'resolution-ms': { type: 'string', default: '5' },
  },
})
const common = commonOptions(values)
const rate = numberOf('rate', values.rate, 1)
const partitionCounts = numbersOf('partitions', values.partitions, 1)
const largest = Math.max(...partitionCounts)
const only = values.only.split(',')
const unknown = only.find((each) => !['rate', 'idle', 'restart'].includes(each))
if (unknown !== undefined) throw new Error(`--only is ${unknown}: use rate, idle, restart`)
const programs = positionals.length > 0 ? positionals.map(parseProgram) : [NO_PROGRAM, joinery(values['commit-every'])]

await using benchmark = await Benchmark.open(common)
await benchmark.warmUp(programs, largest, rate)
for (let i = 0; i < common.runs; i++) {
  for (const program of programs) {
    for (const partitions of only.includes('rate') ? partitionCounts : [])
      await benchmark.run(program, partitions, { type: 'rate', rate, ...common })
    if (only.includes('idle')) await benchmark.run(program, largest, { type: 'idle', ...common })
    if (only.includes('restart') && program.command !== undefined)
      await benchmark.run(program, largest, { type: 'restart' })
  }
}
process.exitCode = benchmark.report() ? 0 : 1
