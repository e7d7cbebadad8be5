// The demo's command. Exit codes: see --help.
import { shutdownSignal } from '@joinery/core'
import { printReport } from './accounting/report.js'
import { type DemoOptions, HELP, parseCommandLine } from './options.js'
import { runDemo } from './run-demo.js'
import { openKafka, openMemory } from './services/environment.js'
import { Terminal } from './terminal.js'

const DISAGREES = 1
const USAGE = 2
const INTERRUPTED = 130

async function demo({ kafka, clean, json, ...options }: DemoOptions): Promise<number> {
  const terminal = new Terminal(json ? process.stderr : process.stdout, process.env)
  const signal = shutdownSignal()
  await using environment =
    kafka === undefined ? openMemory() : await openKafka(kafka, clean, (text) => terminal.line(text))
  const report = await runDemo(environment, { ...options, terminal, signal })
  printReport(terminal, report)
  if (json) process.stdout.write(`${JSON.stringify(report)}\n`)
  if (!report.ok) return DISAGREES
  return report.interrupted ? INTERRUPTED : 0
}

/** @returns the messages of an error and of its causes */
function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}\n  because: ${describeError(error.cause)}`
}

const commandLine = parseCommandLine(process.argv.slice(2))
if (commandLine.command === 'help') process.stdout.write(HELP)
else if (commandLine.command === 'usage') {
  process.stderr.write(`${commandLine.problem}\nnpm run demo -- --help lists the options.\n`)
  process.exitCode = USAGE
} else {
  try {
    process.exitCode = await demo(commandLine.options)
  } catch (error) {
    process.stderr.write(`The demo failed: ${describeError(error)}\n`)
    process.exitCode = DISAGREES
  }
}
