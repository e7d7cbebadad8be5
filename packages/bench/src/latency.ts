// Measures how long an event takes from when it is due until a read_committed consumer has received its output, at constant rates.
//   pnpm bench:latency [--rates 20,200,2000] [--commit-every 100ms,2ms..100ms] [--partitions 4] [--runs 3] [--seconds 30] [--warm-up 10]
//     [--broker-warm-up 30] [--rows 100000] [--resolution-ms 1] [--core N] [--results FILE] [none] [joinery] [NAME=COMMAND ...]
// A command is one process with the environment variables of activation.js. Default: no program, Joinery with default options,
// and with each commit interval. Without KAFKA_BROKERS a broker is started. Exits with 1 if an output is not as expected.
import { parseArgs } from 'node:util'
import { joinery, NO_PROGRAM, parseProgram } from './measured-program.js'
import { Benchmark } from './open-loop/benchmark.js'
import { COMMON_ARGUMENTS, commonOptions, numberOf, numbersOf } from './open-loop/benchmark-arguments.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ...COMMON_ARGUMENTS,
    rates: { type: 'string', default: '20,200,2000' },
    'commit-every': { type: 'string', default: '100ms,2ms..100ms' },
    partitions: { type: 'string', default: '4' },
    'resolution-ms': { type: 'string', default: '1' },
  },
})
const common = commonOptions(values)
const rates = numbersOf('rates', values.rates, 1)
const partitions = numberOf('partitions', values.partitions, 1)
const intervals = values['commit-every'].split(',').filter(Boolean)
const programs =
  positionals.length > 0
    ? positionals.map(parseProgram)
    : [NO_PROGRAM, joinery(), ...intervals.map((each) => joinery(each))]

await using benchmark = await Benchmark.open(common)
await benchmark.warmUp(programs, partitions, Math.max(...rates))
for (let i = 0; i < common.runs; i++)
  for (const rate of rates)
    for (const program of programs) await benchmark.run(program, partitions, { type: 'rate', rate, ...common })
process.exitCode = benchmark.report() ? 0 : 1
