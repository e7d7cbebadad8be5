import type { SeedRun } from '../run-seed.js'
import { SimulatorWorker } from '../simulator-worker.js'
import type { KillingSeed } from './killing-seeds.js'

/** No history takes as long as this, unless it never ends. */
const TIMEOUT_MS = 240_000

/**
 * Plays seeds with a program that `buildMutant` made, until one fails. A history that ends the process or does not end at all
 * has failed, too.
 *
 * @returns the first seed that fails
 */
export async function runMutant(program: string, runs: Iterable<SeedRun>): Promise<KillingSeed | undefined> {
  const player = new SimulatorWorker(program)
  try {
    for (const play of runs) {
      const law = await firstViolation(player, play)
      if (law !== undefined) return { seed: play.seed, law }
    }
    return undefined
  } finally {
    player.close()
  }
}

async function firstViolation(player: SimulatorWorker, play: SeedRun): Promise<string | undefined> {
  try {
    return (await player.run(play, TIMEOUT_MS)).failure?.law
  } catch {
    return 'the run did not end'
  }
}
