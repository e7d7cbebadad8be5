// Installs, builds and runs the example, on a machine that may have only Node and npm. Standard output is the demo's
// alone: what is installed and built is told on standard error.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const EXAMPLE = 'examples/product-activation'
const STDERR = 2
const SIGNALS = { SIGINT: 130, SIGTERM: 143 }
const SAME_REQUEST_MS = 500
const isWindows = process.platform === 'win32'
const { packageManager } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

let running
let signalledAt = Number.NEGATIVE_INFINITY
// Ctrl-C arrives here twice, from the terminal and from npm; the demo, which takes a second request as "at once", gets one
for (const signal of Object.keys(SIGNALS)) {
  process.on(signal, () => {
    if (performance.now() < signalledAt + SAME_REQUEST_MS) return
    signalledAt = performance.now()
    running?.kill(signal)
  })
}

/** Answers the exit code. */
function run(command, args, options) {
  return new Promise((resolve, reject) => {
    running = spawn(command, args, { cwd: ROOT, stdio: ['inherit', STDERR, STDERR], ...options })
    running.on('error', reject)
    running.on('exit', (code, signal) => resolve(code ?? SIGNALS[signal] ?? 1))
  })
}

/** Ends this process if it fails. */
async function pnpm(...args) {
  const npm = ['exec', '--yes', `--package=${packageManager}`, '--', 'pnpm', ...args]
  const code = await run('npm', npm, { shell: isWindows }) // there npm is a script
  if (code !== 0) process.exit(code)
}

await pnpm('install', '--frozen-lockfile')
await pnpm('--filter', '@joinery/example-product-activation...', 'run', 'build')
process.exitCode = await run(process.execPath, [`${EXAMPLE}/dist/demo.js`, ...process.argv.slice(2)], {
  stdio: 'inherit',
  detached: !isWindows, // out of the terminal's reach: signals come from here
})
