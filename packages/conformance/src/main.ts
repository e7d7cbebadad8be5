// pnpm conformance FILES... [--unsupported-ok FILE]
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { runConfig, runCopartition } from './run-definition.js'
import { runExtension } from './run-extension.js'
import { runInterleaving } from './run-interleaving.js'
import { runJoin } from './run-join.js'
import { readScenarios, type Scenario, type Section } from './scenario-file.js'
import { Difference, notSupported, type Verdict } from './verdict.js'

const RUNNERS: Readonly<Record<Section, (scenario: Scenario) => Promise<Verdict>>> = {
  joinScenarios: runJoin,
  interleavingScenarios: runInterleaving,
  graceBufferScenarios: async () => notSupported('grace'),
  versionedStoreScenarios: async () => notSupported('versioned tables'),
  configScenarios: runConfig,
  copartitionScenarios: runCopartition,
  extensionScenarios: runExtension,
}

/** @returns the verdict of a scenario. An error of the library is a difference; an invalid scenario ends the run. */
async function judge(section: Section, scenario: Scenario): Promise<Verdict> {
  try {
    return await RUNNERS[section](scenario)
  } catch (error) {
    if (error instanceof Difference) return { type: 'not ok', difference: error.message }
    if (error instanceof Error && 'code' in error) return { type: 'not ok', difference: error.message }
    throw new Error(`${scenario.id} cannot be run: ${String(error)}`, { cause: error })
  }
}

async function main(): Promise<number> {
  const { positionals: files, values } = parseArgs({
    allowPositionals: true,
    options: { 'unsupported-ok': { type: 'string' } },
  })
  if (files.length === 0) throw new Error('usage: pnpm conformance FILES... [--unsupported-ok FILE]')
  const list = values['unsupported-ok']
  const allowed = new Set(list === undefined ? [] : (await readFile(list, 'utf8')).split(/\s+/).filter(Boolean))
  let passed = 0
  let failed = 0
  for (const file of files) {
    for (const [section, scenario] of await readScenarios(file)) {
      const { id, status } = scenario
      if (status !== undefined && status !== 'current') {
        console.log(`# skipped ${id}: ${String(status)}`)
        continue
      }
      const verdict = await judge(section, scenario)
      const isListed = allowed.has(id)
      if (verdict.type === 'ok') console.log(`ok ${id}${isListed ? ', but it is listed as not supported' : ''}`)
      else if (verdict.type === 'not ok') console.log(`not ok ${id}: ${verdict.difference}`)
      else console.log(`not supported ${id}: ${verdict.feature}`)
      if (verdict.type === 'ok' && !isListed) passed++
      else if (verdict.type !== 'not supported' || !isListed) failed++
    }
  }
  console.log(`${passed} passed, ${failed} failed`)
  return failed === 0 ? 0 : 1
}

main().then(
  (code) => {
    process.exitCode = code
  },
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 2
  },
)
