import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { openSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from './free-port.js'
import { kafkaJars } from './kafka-jars.js'

const run = promisify(execFile)
const POLL_MS = 100
const START_MS = 60_000

/** How a broker is started. */
export interface KafkaOptions {
  readonly port?: number
  /** The JVM's heap, such as `'512m'`. */
  readonly heap?: string
  /** Further server properties. */
  readonly properties?: Readonly<Record<string, string | number | boolean>>
}

/** A broker for tests. */
export interface Kafka {
  readonly brokers: readonly string[]
  /** Its process; `undefined` where somebody else runs the broker. */
  readonly pid: number | undefined
  /** Ends it and deletes its data. */
  stop(): Promise<void>
}

/** The broker of `KAFKA_BROKERS`, else a fresh one of this machine. It does not outlive this process. */
export async function startKafka(options: KafkaOptions = {}): Promise<Kafka> {
  const given = process.env.KAFKA_BROKERS
  if (given) return { brokers: given.split(','), pid: undefined, stop: async () => {} }
  const jars = await kafkaJars()
  const port = options.port ?? (await freePort())
  const folder = await mkdtemp(join(tmpdir(), 'joinery-kafka-'))
  const config = join(folder, 'server.properties')
  await writeFile(config, await properties(folder, port, options))
  const logging = join(folder, 'log4j2.xml')
  await writeFile(logging, LOGGING)
  const java = ['-cp', `${jars}/*`, `-Dlog4j2.configurationFile=${logging}`]
  const { stdout: id } = await run('java', [...java, 'kafka.tools.StorageTool', 'random-uuid'])
  await run('java', [...java, 'kafka.tools.StorageTool', 'format', '-t', id.trim(), '-c', config])
  const log = join(folder, 'broker.log')
  const out = openSync(log, 'a')
  const broker = spawn('java', [`-Xmx${options.heap ?? '512m'}`, ...java, 'kafka.Kafka', config], {
    stdio: ['ignore', out, out],
  })
  const kill = () => broker.kill('SIGKILL')
  process.once('exit', kill)
  await listening(broker, port, log)
  return {
    brokers: [`127.0.0.1:${port}`],
    pid: broker.pid,
    async stop() {
      process.off('exit', kill)
      const ended = new Promise((resolve) => broker.once('exit', resolve))
      if (broker.exitCode === null && broker.signalCode === null) {
        kill()
        await ended
      }
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function properties(folder: string, port: number, options: KafkaOptions): Promise<string> {
  const controller = await freePort()
  const all = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'controller.quorum.voters': `1@127.0.0.1:${controller}`,
    'log.dirs': join(folder, 'data'),
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 10,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 10,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    'auto.create.topics.enable': false,
    ...options.properties,
  }
  return Object.entries(all)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

async function listening(broker: ChildProcess, port: number, log: string): Promise<void> {
  const until = performance.now() + START_MS
  while (!(await accepts(port))) {
    if (broker.exitCode !== null || performance.now() > until) {
      broker.kill('SIGKILL')
      throw new Error(`Kafka did not start:\n${(await readFile(log, 'utf8')).slice(-2_000)}`)
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

const LOGGING = `<Configuration status="OFF"><Appenders><Console name="c" target="SYSTEM_ERR"><PatternLayout pattern="%d %p %c - %m%n"/></Console></Appenders>
<Loggers><Root level="warn"><AppenderRef ref="c"/></Root></Loggers></Configuration>
`
