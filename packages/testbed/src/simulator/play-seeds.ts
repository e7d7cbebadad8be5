import type { Play, Played } from './play-seed.js'
import { SeedPlayer } from './seed-player.js'

/**
 * Plays seeds in several processes of this program, until `next` returns none.
 *
 * @param done called with each result; returns whether to continue
 */
export async function playSeeds(
  jobs: number,
  next: () => Play | undefined,
  done: (played: Played) => boolean,
): Promise<void> {
  let isOver = false
  const work = async (): Promise<void> => {
    const player = new SeedPlayer(process.argv[1] as string)
    try {
      for (let play = next(); play !== undefined && !isOver; play = next())
        if (!done(await player.play(play))) isOver = true
    } finally {
      player.close()
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
}
