// The demo's command. Exit codes: see --help.
import { shutdownSignal } from '@joinery/core'
import { runDemo } from './demo/demo.js'
import { openKafka, openMemory } from './demo/open-log.js'
import { type DemoOptions, HELP, parseCommandLine } from './demo/options.js'
import { printReport } from './demo/report.js'
import { Screen } from './demo/screen.js'

const DISAGREES = 1
const USAGE = 2
const INTERRUPTED = 130

async function demo({ kafka, clean, json, ...options }: DemoOptions): Promise<number> {
  const screen = new Screen(json ? process.stderr : process.stdout, process.env)
  const signal = shutdownSignal()
  await using place = kafka === undefined ? openMemory() : await openKafka(kafka, clean, (text) => screen.line(text))
  const report = await runDemo(place, { ...options, screen, signal })
  printReport(screen, report)
  if (json) process.stdout.write(`${JSON.stringify(report)}\n`)
  if (!report.ok) return DISAGREES
  return report.interrupted ? INTERRUPTED : 0
}

/** What went wrong, and what underneath it. */
function inWords(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}\n  because: ${inWords(error.cause)}`
}

const commandLine = parseCommandLine(process.argv.slice(2))
if (commandLine.ask === 'help') process.stdout.write(HELP)
else if (commandLine.ask === 'usage') {
  process.stderr.write(`${commandLine.problem}\nnpm run demo -- --help tells what there is.\n`)
  process.exitCode = USAGE
} else {
  try {
    process.exitCode = await demo(commandLine.options)
  } catch (error) {
    process.stderr.write(`The demo failed: ${inWords(error)}\n`)
    process.exitCode = DISAGREES
  }
}
