import type { Play } from '../play-seed.js'
import { SeedPlayer } from '../seed-player.js'
import type { KillingSeed } from './killing-seeds.js'

/** No history takes as long as this, unless it never ends. */
const TIMEOUT_MS = 240_000

/**
 * Plays seeds with a program that `buildMutant` made, until one fails. A history that ends the process or does not end at all
 * has failed, too.
 *
 * @returns the first seed that fails
 */
export async function runMutant(program: string, plays: Iterable<Play>): Promise<KillingSeed | undefined> {
  const player = new SeedPlayer(program)
  try {
    for (const play of plays) {
      const law = await firstViolation(player, play)
      if (law !== undefined) return { seed: play.seed, law }
    }
    return undefined
  } finally {
    player.close()
  }
}

async function firstViolation(player: SeedPlayer, play: Play): Promise<string | undefined> {
  try {
    return (await player.play(play, TIMEOUT_MS)).failure?.law
  } catch {
    return 'the run did not end'
  }
}
