// Installs, builds and runs the example, on a machine that may have only Node and npm. Standard output belongs to the demo:
// the output of installing and building goes to standard error.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const EXAMPLE = 'examples/product-activation'
const STDERR = 2
const SIGNALS = { SIGINT: 130, SIGTERM: 143 }
const DUPLICATE_SIGNAL_MS = 500
const isWindows = process.platform === 'win32'
const { packageManager } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

let running
let signalledAt = Number.NEGATIVE_INFINITY
// Ctrl-C arrives twice, from the terminal and from npm. The demo treats a second signal as a request to stop at once, so it gets one
for (const signal of Object.keys(SIGNALS)) {
  process.on(signal, () => {
    if (performance.now() < signalledAt + DUPLICATE_SIGNAL_MS) return
    signalledAt = performance.now()
    running?.kill(signal)
  })
}

/** @returns the exit code */
function run(command, args, options) {
  return new Promise((resolve, reject) => {
    running = spawn(command, args, { cwd: ROOT, stdio: ['inherit', STDERR, STDERR], ...options })
    running.on('error', reject)
    running.on('exit', (code, signal) => resolve(code ?? SIGNALS[signal] ?? 1))
  })
}

/** Runs pnpm, and exits if it fails. */
async function pnpm(...args) {
  const npm = ['exec', '--yes', `--package=${packageManager}`, '--', 'pnpm', ...args]
  const code = await run('npm', npm, { shell: isWindows }) // on Windows npm is a script
  if (code !== 0) process.exit(code)
}

await pnpm('install', '--frozen-lockfile')
await pnpm('--filter', '@joinery/example-product-activation...', 'run', 'build')
process.exitCode = await run(process.execPath, [`${EXAMPLE}/dist/demo.js`, ...process.argv.slice(2)], {
  stdio: 'inherit',
  detached: !isWindows, // not in the foreground group of the terminal: it gets signals only from this process
})
