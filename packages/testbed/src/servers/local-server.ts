import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { whenParentEnds } from './ends-with-parent.js'
import { type ReadinessProbe, waitUntilReady } from './readiness-probe.js'

const CLEAN_STOP_MS = 30_000
const LOG_TAIL = 2_000

/** Stops a server and deletes its data when its owner has ended. */
const END = `
const [pid, folder] = process.argv.slice(1)
try { process.kill(Number(pid), 'SIGKILL') } catch {}
setTimeout(() => require('node:fs').rmSync(folder, { recursive: true, force: true, maxRetries: 5 }), 500)
`

/** A server as a process on this machine. It does not outlive this process. */
export class LocalServer {
  readonly #folder: string
  readonly #command: string
  readonly #args: readonly string[]
  readonly #question: ReadinessProbe
  #process: ChildProcess | undefined
  #callOff: () => void = () => {}

  private constructor(folder: string, command: string, args: readonly string[], probe: ReadinessProbe) {
    this.#folder = folder
    this.#command = command
    this.#args = args
    this.#question = probe
  }

  /** @param folder belongs to the server, and is deleted with it */
  static async start(
    folder: string,
    command: string,
    args: readonly string[],
    probe: ReadinessProbe,
  ): Promise<LocalServer> {
    const server = new LocalServer(folder, command, args, probe)
    await server.restart()
    return server
  }

  /** Belongs to the server, and is deleted with it. */
  get folder(): string {
    return this.#folder
  }

  get pid(): number | undefined {
    return this.#process?.pid
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  async restart(): Promise<void> {
    await this.#end('SIGTERM')
    const log = join(this.#folder, 'server.log')
    const out = openSync(log, 'a')
    // detached: an interrupt from the terminal is for the server's users, which may want to stop it gracefully
    const server = spawn(this.#command, this.#args, { stdio: ['ignore', out, out], detached: true })
    closeSync(out)
    this.#process = server
    this.#callOff = whenParentEnds(process.execPath, ['-e', END, String(server.pid), this.#folder])
    try {
      await waitUntilReady(this.#question, async () =>
        hasEnded(server) ? (await readFile(log, 'utf8')).slice(-LOG_TAIL) : undefined,
      )
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  async pause(): Promise<void> {
    this.#process?.kill('SIGSTOP')
  }

  async resume(): Promise<void> {
    this.#process?.kill('SIGCONT')
  }

  async stop(): Promise<void> {
    await this.#end('SIGKILL')
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const server = this.#process
    this.#process = undefined
    if (server !== undefined && !hasEnded(server)) {
      const ended = new Promise((resolve) => server.once('exit', resolve))
      server.kill(signal)
      const late = setTimeout(() => server.kill('SIGKILL'), CLEAN_STOP_MS)
      await ended
      clearTimeout(late)
    }
    this.#callOff()
    this.#callOff = () => {}
  }
}

const hasEnded = (server: ChildProcess): boolean => server.exitCode !== null || server.signalCode !== null
