import { ActivationRun, type ActivationRunOptions, type ProgramStart } from './activation-run.js'
import type { Violations } from './output-check.js'

/** Starts a program, stops it with SIGTERM, and measures the next start. */
export async function measureRestart(options: ActivationRunOptions): Promise<ProgramStart & Violations> {
  await using run = await ActivationRun.open(options)
  await run.start()
  await run.stop()
  const restart = await run.start()
  return { ...restart, ...(await run.end()) }
}
