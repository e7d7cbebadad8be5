import { type ChildProcess, fork } from 'node:child_process'
import { failureBy, type Play, type Played, playSeed } from './play-seed.js'

/** The argument that turns the simulator's program into a player. */
export const PLAYER = '--player'

/** Plays the seeds that the parent process sends. */
export function servePlayer(): void {
  let playing: Play = { seed: 0, workload: 'joins' }
  process.on('unhandledRejection', (error) => {
    console.log(failureBy(playing, 'I18 hygiene', `unhandled rejection: ${String(error)}`).text)
    process.exit(1)
  })
  process.on('message', (play: Play) => {
    playing = play
    playSeed(play).then(
      (played) => process.send?.(played, undefined, undefined, () => {}), // the parent may have ended in the meantime
      (error: unknown) => {
        console.error(`seed ${play.seed} of ${play.workload}`, error)
        process.exit(2)
      },
    )
  })
}

/** A process of its own that plays one seed at a time. */
export class SeedPlayer {
  readonly #child: ChildProcess
  #played: ((played: Played) => void) | undefined
  #failed: ((error: Error) => void) | undefined
  #failure: Error | undefined

  /** @param program a program that calls {@link servePlayer} when its argument is {@link PLAYER} */
  constructor(program: string) {
    this.#child = fork(program, [PLAYER])
    this.#child.on('message', (played: Played) => this.#played?.(played))
    this.#child.on('error', (error) => this.#fail(error))
    this.#child.on('exit', (code, signal) => this.#fail(new Error(`a player ended with ${signal ?? code}`)))
  }

  /**
   * Plays a seed.
   *
   * @param timeoutMs ends the process if the history takes longer
   * @throws Error if the process ends before the history does
   */
  async play(play: Play, timeoutMs?: number): Promise<Played> {
    if (this.#failure !== undefined) throw this.#failure
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => this.#child.kill('SIGKILL'), timeoutMs)
    try {
      return await new Promise((resolve, reject) => {
        this.#played = resolve
        this.#failed = reject
        this.#child.send(play, () => {}) // if it cannot be sent, the process has ended
      })
    } finally {
      clearTimeout(timer)
    }
  }

  /** Ends the process, at once. */
  close(): void {
    this.#child.kill('SIGKILL')
  }

  #fail(error: Error): void {
    this.#failure ??= error
    this.#failed?.(this.#failure)
  }
}
