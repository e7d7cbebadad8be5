import { type ChildProcess, fork } from 'node:child_process'
import { failureBy, runSeed, type SeedResult, type SeedRun } from './run-seed.js'

/** The argument that turns the simulator's program into a worker. */
export const WORKER = '--player'

/** Simulates the seeds that the parent process sends. */
export function serveSeedRuns(): void {
  let current: SeedRun = { seed: 0, workload: 'joins' }
  process.on('unhandledRejection', (error) => {
    console.log(failureBy(current, 'I18 hygiene', `unhandled rejection: ${String(error)}`).text)
    process.exit(1)
  })
  process.on('message', (run: SeedRun) => {
    current = run
    runSeed(run).then(
      (result) => process.send?.(result, undefined, undefined, () => {}), // the parent may have ended in the meantime
      (error: unknown) => {
        console.error(`seed ${run.seed} of ${run.workload}`, error)
        process.exit(2)
      },
    )
  })
}

/** A process that simulates one seed at a time. */
export class SimulatorWorker {
  readonly #child: ChildProcess
  #resolve: ((result: SeedResult) => void) | undefined
  #reject: ((error: Error) => void) | undefined
  #failure: Error | undefined

  /** @param program a program that calls {@link serveSeedRuns} when its argument is {@link WORKER} */
  constructor(program: string) {
    this.#child = fork(program, [WORKER])
    this.#child.on('message', (result: SeedResult) => this.#resolve?.(result))
    this.#child.on('error', (error) => this.#fail(error))
    this.#child.on('exit', (code, signal) => this.#fail(new Error(`a worker ended with ${signal ?? code}`)))
  }

  /**
   * Simulates a seed.
   *
   * @param timeoutMs ends the process if the history takes longer
   * @throws Error if the process ends before the history does
   */
  async run(run: SeedRun, timeoutMs?: number): Promise<SeedResult> {
    if (this.#failure !== undefined) throw this.#failure
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => this.#child.kill('SIGKILL'), timeoutMs)
    try {
      return await new Promise((resolve, reject) => {
        this.#resolve = resolve
        this.#reject = reject
        this.#child.send(run, () => {}) // if sending fails, the process has ended
      })
    } finally {
      clearTimeout(timer)
    }
  }

  /** Kills the process. */
  close(): void {
    this.#child.kill('SIGKILL')
  }

  #fail(error: Error): void {
    this.#failure ??= error
    this.#reject?.(this.#failure)
  }
}
