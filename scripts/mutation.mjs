// Measures the mutation score of folders, or of single files of them: pnpm run mutation join|outcome|task|writer [FILE...]
// Only what has changed since the last run is tested again (reports/mutation); --force tests everything.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const [name = '', ...rest] = process.argv.slice(2)
const force = rest.includes('--force') ? ['--force'] : []
const files = rest.filter((word) => !word.startsWith('--'))
const mutate = files.length === 0 ? [] : ['--mutate', files.join(',')]
const stryker = join(import.meta.dirname, '../node_modules/.bin/stryker')
const { status } = spawnSync(stryker, ['run', 'stryker.config.mjs', ...force, ...mutate], {
  stdio: 'inherit',
  env: { ...process.env, MUTATE: name, RUNS: process.env.RUNS ?? '8' },
})
process.exit(status ?? 1)
