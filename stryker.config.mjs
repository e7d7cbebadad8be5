// Mutation tests, one folder at a time, on demand: pnpm run mutation join | outcome | task | writer
const FOLDERS = {
  join: 'packages/core/src/join',
  outcome: 'packages/core/src/outcome',
  task: 'packages/core/src/task',
  writer: 'packages/kafkajs/src/writer',
}
const name = process.env.MUTATE ?? 'join'
const folder = FOLDERS[name]
if (folder === undefined) throw new Error(`there is no ${name}: choose ${Object.keys(FOLDERS).join(', ')}`)

export default {
  packageManager: 'pnpm',
  plugins: ['@stryker-mutator/vitest-runner', './scripts/stryker-failpoints.mjs'],
  ignorers: ['failpoints'],
  testRunner: 'vitest',
  vitest: { configFile: 'vitest.mutation.ts', related: false },
  mutate: [`${folder}/**/*.ts`],
  ignorePatterns: ['dist', 'docs-api', 'reports', 'coverage'],
  coverageAnalysis: 'perTest',
  // what runs once when a module is loaded would need a process for each mutant
  ignoreStatic: true,
  concurrency: 1,
  timeoutMS: 8_000,
  incremental: true,
  incrementalFile: `reports/mutation/${name}.json`,
  htmlReporter: { fileName: `reports/mutation/${name}.html` },
  reporters: ['clear-text', 'html', 'progress-append-only'],
  clearTextReporter: { allowColor: false, logTests: false },
  thresholds: { high: 90, low: 80, break: 80 },
  tempDirName: '.stryker-tmp',
  disableTypeChecks: false,
}
