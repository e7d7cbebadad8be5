// node scripts/example.mjs FOLDER PROGRAM [ARGUMENT ...]: installs, builds and runs a program of examples/FOLDER, on a machine
// that may have only Node and npm. Standard output belongs to the program: the output of installing and building goes to
// standard error.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const STDERR = 2
const SIGNALS = { SIGINT: 130, SIGTERM: 143 }
const DUPLICATE_SIGNAL_MS = 500
const isWindows = process.platform === 'win32'
const { packageManager } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

let running
let signalledAt = Number.NEGATIVE_INFINITY
// Ctrl-C arrives twice, from the terminal and from npm. A second signal means to stop at once, so the program gets only one
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

const [folder, name, ...rest] = process.argv.slice(2)
await pnpm('install', '--frozen-lockfile')
// a program needs no declarations, which take most of the time
await pnpm('--filter', `@joinery/example-${folder}...`, 'run', 'build', '--no-dts')
const program = `examples/${folder}/dist/${name}.js`
if (!existsSync(`${ROOT}${program}`)) {
  console.error(`there is no program ${name}: examples/${folder}/README.md lists them`)
  process.exit(2)
}
process.exitCode = await run(process.execPath, [program, ...rest], {
  stdio: 'inherit',
  detached: !isWindows, // not in the foreground group of the terminal: it gets signals only from this process
})
