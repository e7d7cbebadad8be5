import { fork } from 'node:child_process'
import { ending } from './explain.js'
import type { Fault } from './nemesis/faults.js'
import type { Workload } from './scenario/scenario.js'
import { type SimHistory, simulate } from './simulate.js'

/** Names a history. */
export interface Play {
  readonly seed: number
  readonly workload: Workload
}

/** What a played seed tells. */
export interface Played extends Play {
  readonly steps: number
  readonly events: number
  readonly simulatedMs: number
  readonly faults: readonly Fault[]
  readonly hash: string
  readonly isTwice: boolean
  /** What is wrong, in a line. */
  readonly failure: string | undefined
}

/** One in so many seeds is played twice: the same seed has to give the same history. */
const TWICE = 50

/** Plays a seed, and now and then plays it again. */
export async function playSeed({ seed, workload }: Play): Promise<Played> {
  const history = await simulate({ seed, workload })
  const { steps, events, simulatedMs, faults, hash } = history
  const isTwice = seed % TWICE === 0
  const isSame = !isTwice || (await simulate({ seed, workload })).hash === hash
  return {
    seed,
    workload,
    steps,
    events,
    simulatedMs,
    faults: faults.map(({ fault }) => fault),
    hash,
    isTwice,
    failure: failureOf(history, isSame),
  }
}

function failureOf(history: SimHistory, isSame: boolean): string | undefined {
  if (!isSame)
    return `seed ${history.seed}: 1 violations in ${history.workload}, first I19 determinism: another history at the second time`
  return history.violations.length === 0 ? undefined : ending(history)
}

/** The argument that makes this program a player for {@link playSeeds}. */
export const PLAYER = '--player'

/** Plays the seeds that the parent sends. */
export function servePlayer(): void {
  let playing: Play = { seed: 0, workload: 'joins' }
  process.on('unhandledRejection', (error) => {
    console.log(
      `seed ${playing.seed}: 1 violations in ${playing.workload}, first I18 hygiene: nobody handles ${String(error)}`,
    )
    process.exit(1)
  })
  process.on('message', (play: Play) => {
    playing = play
    playSeed(play).then(
      (played) => process.send?.(played, undefined, undefined, () => {}), // the parent may have ended meanwhile
      (error: unknown) => {
        console.error(`seed ${play.seed} of ${play.workload}`, error)
        process.exit(2)
      },
    )
  })
}

/**
 * Plays seeds in several processes of this program, as long as `next` gives some. `done` is told of each; it answers
 * whether to go on.
 */
export function playSeeds(
  jobs: number,
  next: () => Play | undefined,
  done: (played: Played) => boolean,
): Promise<void> {
  let isOver = false
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const player = fork(process.argv[1] as string, [PLAYER])
      const give = () => {
        const play = isOver ? undefined : next()
        if (!player.connected) return // it tells how it ended
        if (play === undefined) player.disconnect()
        else player.send(play)
      }
      player.on('message', (played: Played) => {
        if (!done(played)) isOver = true
        give()
      })
      player.on('error', reject)
      player.on('exit', (code) => {
        if (code === 0) resolve()
        else reject(new Error(`a player ended with ${code}`))
      })
      give()
    })
  return Promise.all(Array.from({ length: jobs }, one)).then(() => undefined)
}
