import { execFile } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import { answering } from './answering.js'
import { whenParentEnds } from './ends-with-parent.js'
import { freePort } from './free-port.js'
import type { Kafka, KafkaOptions } from './kafka.js'
import { serverProperties } from './server-properties.js'

const run = promisify(execFile)
const IMAGE = 'apache/kafka:4.3.1'
/** Within the container, below the ports that hosts give away. */
const CONTROLLER_PORT = 9_093
const INTERNAL_PORT = 9_094
const PULL_MS = 300_000
const LOG_LINES = '40'
const CONFIG = '/tmp/server.properties'
/** Formats once, so that a container that is started again keeps its data. */
const START = `printf %s "$PROPERTIES" > ${CONFIG} && /opt/kafka/bin/kafka-storage.sh format --ignore-formatted -t "$CLUSTER" -c ${CONFIG} && exec /opt/kafka/bin/kafka-server-start.sh ${CONFIG}`

/** Whether the image is there, or can be fetched. */
export async function hasDockerImage(): Promise<boolean> {
  try {
    await run('docker', ['image', 'inspect', IMAGE])
    return true
  } catch {
    return run('docker', ['pull', IMAGE], { timeout: PULL_MS }).then(
      () => true,
      () => false,
    )
  }
}

/** What `docker run` is given. */
export function dockerRun(
  name: string,
  place: { readonly port: number; readonly clusterId: string },
  options: KafkaOptions,
): readonly string[] {
  const { port, clusterId } = place
  const inside = { controllerPort: CONTROLLER_PORT, internalPort: INTERNAL_PORT, data: '/tmp/kafka-data' }
  const properties = serverProperties({ ...inside, port, bind: '0.0.0.0' }, options)
  return [
    'run',
    '--detach',
    '--name',
    name,
    '--publish',
    `127.0.0.1:${port}:${port}`,
    '--env',
    `PROPERTIES=${properties}`,
    '--env',
    `CLUSTER=${clusterId}`,
    '--env',
    `KAFKA_HEAP_OPTS=-Xmx${options.heap ?? '512m'}`,
    ...(options.files === undefined ? [] : ['--volume', `${options.files}:${options.files}:ro`]),
    '--entrypoint',
    'sh',
    IMAGE,
    '-c',
    START,
  ]
}

/** A broker in a container. */
export async function startDockerBroker(options: KafkaOptions): Promise<Kafka> {
  const name = `joinery-kafka-${randomUUID().slice(0, 8)}`
  const port = options.port ?? (await freePort())
  const clusterId = randomBytes(16).toString('base64url').replace(/^-/, 'A')
  const remove = ['rm', '--force', '--volumes', name]
  const callOff = whenParentEnds('docker', remove)
  const stop = async () => {
    await run('docker', remove)
    callOff()
  }
  const ready = () => answering(port, options.security ?? 'PLAINTEXT', () => endedLog(name))
  try {
    await run('docker', [...dockerRun(name, { port, clusterId }, options)])
    await ready()
  } catch (error) {
    await stop().catch(() => {}) // there may be no container to remove
    throw error
  }
  return {
    brokers: [`127.0.0.1:${port}`],
    pid: undefined,
    async kill() {
      await run('docker', ['kill', '--signal', 'KILL', name])
    },
    async restart() {
      await run('docker', ['restart', '-t', '30', name]) // starts one that was killed, too
      await ready()
    },
    stop,
  }
}

/** The end of the log of a container that does not run any more. */
async function endedLog(name: string): Promise<string | undefined> {
  const { stdout } = await run('docker', ['inspect', '--format', '{{.State.Running}}', name])
  if (stdout.trim() === 'true') return undefined
  const log = await run('docker', ['logs', '--tail', LOG_LINES, name])
  return `${log.stdout}${log.stderr}`
}
