// pnpm nightly [--scale N]: runs the tests that take too long for every change, with new seeds, and writes the results to
// docs/nightly.md. A scale of 1 is a whole night, 0.01 a few minutes. The exit code is 1 if anything failed.
import { execFileSync, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const ROOT = join(import.meta.dirname, '..')
const SEEDS = 2 ** 31
const MINUTE_MS = 60_000
/** The characters of output that are kept: enough for the last line. */
const TAIL = 100_000

const { values } = parseArgs({ options: { scale: { type: 'string', default: '1' } } })
const scale = Number(values.scale)
if (!(scale > 0)) throw new Error(`--scale is ${values.scale}: use a number above 0`)

/** @returns a scaled count, at least 1 */
const scaled = (count) => Math.ceil(count * scale)
const program = (name, ...args) => [process.execPath, `packages/testbed/dist/${name}/main.js`, ...args.map(String)]
const properties = (...folders) => [
  ...[process.execPath, 'node_modules/vitest/vitest.mjs', 'run', '--config', 'vitest.workspace.ts'],
  // with this many runs, a test takes longer than its timeout
  ...['--project', 'property', '--testTimeout', '0', ...folders],
]

/**
 * The jobs of a night. `command` and `env` take the seed. `figures` takes the last line of the output, parsed as JSON, and
 * returns the cells of the row.
 */
const JOBS = [
  {
    name: 'simulator',
    command: (seed) =>
      program(
        ...['simulator', '--corpus', 'packages/testbed/src/simulator/corpus.json'],
        ...['--seeds', scaled(40_000), '--from', seed],
      ),
    figures: ({ joins, calls, events, failed }) => ({ runs: joins + calls, events, violations: failed }),
  },
  {
    name: 'soak',
    command: (seed) => program('soak', '--minutes', 240 * scale, '--seed', seed),
    figures: ({ scenarios, events, kills, violations, simulator: { joins, calls, events: simulated } }) => ({
      runs: scenarios + joins + calls,
      events: events + simulated,
      kills,
      violations,
    }),
  },
  {
    name: 'frozen brokers',
    command: () => program('frozen', '--runs', scaled(30)),
    figures: ({ runs, events, violations }) => ({ runs, events, violations }),
  },
  {
    name: 'Kafka versions',
    command: () => program('versions'),
    figures: ({ runs, violations }) => ({ runs, violations }),
  },
  {
    name: 'Redis versions',
    command: () => [process.execPath, 'scripts/redis-versions.mjs'],
    figures: ({ runs, violations }) => ({ runs, violations }),
  },
  {
    name: 'join oracle',
    env: (seed) => ({ SEED: String(seed), RUNS: String(scaled(100_000)) }),
    command: () => properties('packages/core/test/testing', 'packages/core/test/embedded'),
    runs: scaled(100_000),
  },
  {
    name: 'stores on disk',
    env: (seed) => ({ SEED: String(seed), RUNS: String(scaled(1_000)) }),
    command: () => properties('packages/lmdb/test'),
    runs: scaled(1_000),
  },
]

/** Runs a job, and shows its output. A missing service is a failure, as in CI. */
async function runJob({ command: commandOf, env, runs, figures }) {
  const seed = randomInt(SEEDS)
  const [command, ...args] = commandOf(seed)
  const began = performance.now()
  const child = spawn(command, args, {
    cwd: ROOT,
    env: { ...process.env, CI: 'true', ...env?.(seed) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let tail = ''
  child.stdout.on('data', (chunk) => {
    process.stdout.write(chunk)
    tail = `${tail}${chunk}`.slice(-TAIL)
  })
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  const took = performance.now() - began
  return { seed, code, took, runs, ...(figures && figuresOf(tail, figures)) }
}

/** @returns the figures of a job; none if it ended too early */
function figuresOf(output, figures) {
  try {
    return figures(JSON.parse(output.trimEnd().split('\n').at(-1)))
  } catch {
    return {}
  }
}

const git = (...args) => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim()
const duration = (ms) => {
  const minutes = Math.round(ms / MINUTE_MS)
  if (minutes < 1) return `${Math.round(ms / 1_000)} s`
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
const count = (number) => (number === undefined ? '' : number.toLocaleString('en-US'))

function table(heads, rows) {
  const widths = heads.map((head, i) => Math.max(head.length, ...rows.map((row) => row[i].length)))
  const line = (cells) => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`
  return [line(heads), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}

function page({ commit, isChanged, date, results }) {
  const took = results.reduce((total, each) => total + each.took, 0)
  const isOk = results.every(({ code }) => code === 0)
  return `# The last nightly run

\`pnpm nightly\` runs what takes too long for every change: many seeds of the [simulator](testing.md#the-simulator),
[crash tests](testing.md#crash-tests) for hours, [frozen brokers](testing.md#frozen-brokers),
[versions of Kafka](kafka-versions.md), [versions of Redis](stores/redis.md#versions), and property tests many times. It writes this page.

${table(
  ['Run', ''],
  [
    ['Commit', `\`${commit}\`${isChanged ? ', with uncommitted changes' : ''}`],
    ['Date', date.toISOString().slice(0, 10)],
    ['Scale', `${scale}, where 1 is a whole night`],
    ['Machine', `${availableParallelism()} cores, Node ${process.versions.node}`],
    ['Duration', duration(took)],
    ['Result', isOk ? 'passed' : 'FAILED'],
  ],
)}

${table(
  ['Job', 'Seed', 'Runs', 'Events', 'Kills', 'Violations', 'Duration', 'Result'],
  results.map(({ name, seed, runs, events, kills, violations, took, code }) => [
    name,
    String(seed),
    ...[runs, events, kills, violations].map(count),
    duration(took),
    code === 0 ? 'passed' : `FAILED: exit code ${code}`,
  ]),
)}
`
}

const run = {
  commit: git('rev-parse', '--short', 'HEAD'),
  isChanged: git('status', '--porcelain', '.', ':!docs/nightly.md') !== '',
  date: new Date(),
}
const results = []
for (const job of JOBS) {
  console.log(`\n== ${job.name}`)
  results.push({ name: job.name, ...(await runJob(job)) })
}
writeFileSync(join(ROOT, 'docs/nightly.md'), page({ ...run, results }))
process.exitCode = results.every(({ code }) => code === 0) ? 0 : 1
