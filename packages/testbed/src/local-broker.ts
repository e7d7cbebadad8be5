import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { openSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { answering } from './answering.js'
import { whenParentEnds } from './ends-with-parent.js'
import { freePort } from './free-port.js'
import type { Kafka, KafkaOptions } from './kafka.js'
import { kafkaJars } from './kafka-jars.js'
import { serverProperties } from './server-properties.js'

const run = promisify(execFile)
const CLEAN_STOP_MS = 30_000
const LOG_TAIL = 2_000
const LOGGING = `<Configuration status="OFF"><Appenders><Console name="c" target="SYSTEM_ERR"><PatternLayout pattern="%d %p %c - %m%n"/></Console></Appenders>
<Loggers><Root level="warn"><AppenderRef ref="c"/></Root></Loggers></Configuration>
`

/** Ends a broker and deletes its data, when nobody else does. */
const END = `
const [pid, folder] = process.argv.slice(1)
try { process.kill(Number(pid), 'SIGKILL') } catch {}
setTimeout(() => require('node:fs').rmSync(folder, { recursive: true, force: true, maxRetries: 5 }), 500)
`

/** A broker as a Java process of this machine. */
export async function startLocalBroker(options: KafkaOptions): Promise<Kafka> {
  const jars = await kafkaJars()
  const port = options.port ?? (await freePort())
  const folder = await mkdtemp(join(tmpdir(), 'joinery-kafka-'))
  const config = join(folder, 'server.properties')
  const place = {
    port,
    controllerPort: await freePort(),
    internalPort: await freePort(),
    data: join(folder, 'data'),
    bind: '127.0.0.1',
  }
  await writeFile(config, serverProperties(place, options))
  const logging = join(folder, 'log4j2.xml')
  await writeFile(logging, LOGGING)
  const java = ['-cp', `${jars}/*`, `-Dlog4j2.configurationFile=${logging}`]
  const clusterId = randomBytes(16).toString('base64url').replace(/^-/, 'A')
  await run('java', [...java, 'kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', config])
  const broker = new LocalBroker(port, options.security ?? 'PLAINTEXT', folder, [
    `-Xmx${options.heap ?? '512m'}`,
    ...java,
    'kafka.Kafka',
    config,
  ])
  await broker.restart()
  return broker
}

class LocalBroker implements Kafka {
  readonly brokers: readonly string[]
  readonly #port: number
  readonly #security: NonNullable<KafkaOptions['security']>
  readonly #folder: string
  readonly #java: readonly string[]
  #process: ChildProcess | undefined
  #callOff: () => void = () => {}

  constructor(port: number, security: NonNullable<KafkaOptions['security']>, folder: string, java: readonly string[]) {
    this.brokers = [`127.0.0.1:${port}`]
    this.#port = port
    this.#security = security
    this.#folder = folder
    this.#java = java
  }

  get pid(): number | undefined {
    return this.#process?.pid
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  async restart(): Promise<void> {
    await this.#end('SIGTERM')
    const log = join(this.#folder, 'broker.log')
    const out = openSync(log, 'a')
    // detached: an interrupt of the terminal is for those who use it, which may want to end in order
    const broker = spawn('java', this.#java, { stdio: ['ignore', out, out], detached: true })
    this.#process = broker
    this.#callOff = whenParentEnds(process.execPath, ['-e', END, String(broker.pid), this.#folder])
    try {
      await answering(this.#port, this.#security, async () =>
        hasEnded(broker) ? (await readFile(log, 'utf8')).slice(-LOG_TAIL) : undefined,
      )
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  async stop(): Promise<void> {
    await this.#end('SIGKILL')
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const broker = this.#process
    this.#process = undefined
    if (broker !== undefined && !hasEnded(broker)) {
      const ended = new Promise((resolve) => broker.once('exit', resolve))
      broker.kill(signal)
      const late = setTimeout(() => broker.kill('SIGKILL'), CLEAN_STOP_MS)
      await ended
      clearTimeout(late)
    }
    this.#callOff()
    this.#callOff = () => {}
  }
}

const hasEnded = (broker: ChildProcess): boolean => broker.exitCode !== null || broker.signalCode !== null
