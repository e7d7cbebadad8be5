import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { whenParentEnds } from './ends-with-parent.js'
import { type ReadinessProbe, waitUntilReady } from './readiness-probe.js'

const run = promisify(execFile)
const PULL_MS = 300_000
const LOG_LINES = '40'

/** Whether an image exists, or can be pulled. */
export async function hasDockerImage(image: string): Promise<boolean> {
  try {
    await run('docker', ['image', 'inspect', image])
    return true
  } catch {
    return run('docker', ['pull', image], { timeout: PULL_MS }).then(
      () => true,
      () => false,
    )
  }
}

/** A server in a container, which does not outlive this process. */
export class DockerServer {
  readonly #name: string
  readonly #ready: () => Promise<void>
  readonly #remove: readonly string[]
  readonly #callOff: () => void

  private constructor(name: string, probe: ReadinessProbe) {
    this.#name = name
    this.#ready = () => waitUntilReady(probe, () => endedLog(name))
    this.#remove = ['rm', '--force', '--volumes', name]
    this.#callOff = whenParentEnds('docker', this.#remove)
  }

  /** @param args arguments of `docker` that run a container of this name */
  static async start(name: string, args: readonly string[], probe: ReadinessProbe): Promise<DockerServer> {
    const server = new DockerServer(name, probe)
    try {
      await run('docker', args)
      await server.#ready()
    } catch (error) {
      await server.stop().catch(() => {}) // there may be no container to remove
      throw error
    }
    return server
  }

  async kill(): Promise<void> {
    await run('docker', ['kill', '--signal', 'KILL', this.#name])
  }

  /** Starts it, even if it was killed. */
  async restart(): Promise<void> {
    await run('docker', ['restart', '-t', '30', this.#name])
    await this.#ready()
  }

  async pause(): Promise<void> {
    await run('docker', ['pause', this.#name])
  }

  async resume(): Promise<void> {
    await run('docker', ['unpause', this.#name])
  }

  async stop(): Promise<void> {
    await run('docker', this.#remove)
    this.#callOff()
  }

  /** The address at which other containers reach it. */
  async address(): Promise<string> {
    const { stdout } = await run('docker', ['inspect', '--format', '{{.NetworkSettings.IPAddress}}', this.#name])
    return stdout.trim()
  }
}

/** @returns the end of the log, if the container has stopped */
async function endedLog(name: string): Promise<string | undefined> {
  const { stdout } = await run('docker', ['inspect', '--format', '{{.State.Running}}', name])
  if (stdout.trim() === 'true') return undefined
  const log = await run('docker', ['logs', '--tail', LOG_LINES, name])
  return `${log.stdout}${log.stderr}`
}
