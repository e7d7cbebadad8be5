// Runs a pnpm script with the pinned pnpm, on a machine that may have only Node and npm: installs, then runs.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const { packageManager } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

function pnpm(...args) {
  const { status, error } = spawnSync('npm', ['exec', '--yes', `--package=${packageManager}`, '--', 'pnpm', ...args], {
    stdio: 'inherit',
  })
  if (error) throw error
  if (status !== 0) process.exit(status ?? 1)
}

pnpm('install', '--frozen-lockfile')
pnpm(...process.argv.slice(2))
