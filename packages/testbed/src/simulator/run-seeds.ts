import type { SeedResult, SeedRun } from './run-seed.js'
import { SimulatorWorker } from './simulator-worker.js'

/**
 * Simulates seeds in several processes of this program, until `next` returns none.
 *
 * @param done called with each result; returns whether to continue
 */
export async function runSeeds(
  jobs: number,
  next: () => SeedRun | undefined,
  done: (result: SeedResult) => boolean,
): Promise<void> {
  let isOver = false
  const work = async (): Promise<void> => {
    const worker = new SimulatorWorker(process.argv[1] as string)
    try {
      for (let run = next(); run !== undefined && !isOver; run = next()) if (!done(await worker.run(run))) isOver = true
    } finally {
      worker.close()
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
}
