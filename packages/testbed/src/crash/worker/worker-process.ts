import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { whenParentEnds } from '../../servers/ends-with-parent.js'
import type { WorkerLine, WorkerOptions, WorkerReport } from './worker-lines.js'

/** How a process ended. */
export interface WorkerEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A worker in a separate process. */
export class WorkerProcess {
  readonly name: string
  readonly startedAt: number = performance.now()
  /** Every line of its output, to be searched for record bytes. */
  readonly lines: string[] = []
  /** The highest value of each gauge. */
  readonly peak: Record<string, number> = {}
  readonly ended: Promise<WorkerEnd>
  readonly #process: ChildProcess
  readonly #listener: (line: WorkerLine) => void
  #report: WorkerReport | undefined
  #tables: ((rows: Readonly<Record<string, Readonly<Record<string, number>>>>) => void) | undefined
  #end: WorkerEnd | undefined
  #isFrozen = false
  /** The failpoint that it has reached. */
  failpoint: string | undefined
  errors = ''

  /** @param failpoint as `name@times` */
  constructor(
    program: string,
    options: WorkerOptions,
    failpoint = '',
    listener: (line: WorkerLine) => void = () => {},
  ) {
    this.name = options.name
    this.#listener = listener
    this.#process = spawn(process.execPath, [program], {
      env: { ...process.env, WORKER: JSON.stringify(options), JOINERY_FAILPOINT: failpoint },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    const { stdout, stderr, stdin } = this.#process
    stdin?.on('error', () => {}) // the process has ended
    if (stdout !== null) createInterface(stdout).on('line', (line) => this.#onLine(line))
    stderr?.on('data', (chunk: Buffer) => {
      this.errors += chunk.toString()
    })
    // 'close', not 'exit': all of its output has been read
    this.ended = new Promise((resolve) => {
      this.#process.once('close', (code, signal) => {
        this.#end = { code, signal }
        resolve(this.#end)
      })
    })
  }

  /** The latest report; `undefined` before the first. */
  get report(): WorkerReport | undefined {
    return this.#report
  }

  get isFrozen(): boolean {
    return this.#isFrozen
  }

  get end(): WorkerEnd | undefined {
    return this.#end
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.ended
  }

  /**
   * SIGSTOP. If this process ends while the worker is frozen, the worker is killed.
   *
   * @returns lets it continue
   */
  freeze(): () => void {
    const cancelKill = whenParentEnds('kill', ['-KILL', String(this.#process.pid)])
    this.#process.kill('SIGSTOP')
    this.#isFrozen = true
    return () => {
      this.#process.kill('SIGCONT')
      this.#isFrozen = false
      cancelKill()
    }
  }

  /** SIGTERM. */
  stop(): Promise<WorkerEnd> {
    this.#process.kill('SIGTERM')
    return this.ended
  }

  /** Its tables, by topic. */
  tables(): Promise<Readonly<Record<string, Readonly<Record<string, number>>>>> {
    return new Promise((resolve, reject) => {
      this.#tables = resolve
      this.ended.then(() => reject(new Error(`${this.name} has ended`)))
      this.#process.stdin?.write('tables\n')
    })
  }

  #onLine(text: string): void {
    this.lines.push(text)
    const line = JSON.parse(text) as WorkerLine
    if ('report' in line) {
      this.#report = line.report
      for (const [gauge, value] of Object.entries({ ...line.report.gauges, rss: line.report.rss }))
        this.peak[gauge] = Math.max(value, this.peak[gauge] ?? 0)
    }
    if ('failpoint' in line) this.failpoint = line.failpoint
    if ('tables' in line) this.#tables?.(line.tables)
    this.#listener(line)
  }
}
