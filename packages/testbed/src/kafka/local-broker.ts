import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '../servers/free-port.js'
import { LocalServer } from '../servers/local-server.js'
import { kafkaJars } from './kafka-jars.js'
import type { Kafka, KafkaOptions } from './kafka-options.js'
import { kafkaReadinessProbe } from './kafka-readiness-probe.js'
import { featureArgs, serverProperties } from './server-properties.js'

const run = promisify(execFile)
/** Test brokers run for seconds: optimizing their code would take more processor time than it saves. */
const QUICK_START = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC']
const LOGGING = `<Configuration status="OFF"><Appenders><Console name="c" target="SYSTEM_ERR"><PatternLayout pattern="%d %p %c - %m%n"/></Console></Appenders>
<Loggers><Root level="warn"><AppenderRef ref="c"/></Root></Loggers></Configuration>
`

/** A broker as a Java process on this machine. */
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
  const java = [...QUICK_START, '-cp', `${jars}/*`, `-Dlog4j2.configurationFile=${logging}`]
  const clusterId = randomBytes(16).toString('base64url').replace(/^-/, 'A')
  await run('java', [
    ...java,
    'kafka.tools.StorageTool',
    'format',
    '-t',
    clusterId,
    '-c',
    config,
    ...featureArgs(options),
  ])
  const args = [`-Xmx${options.heap ?? '512m'}`, ...java, 'kafka.Kafka', config]
  const server = await LocalServer.start(folder, 'java', args, kafkaReadinessProbe(port, options))
  return {
    brokers: [`127.0.0.1:${port}`],
    get pid() {
      return server.pid
    },
    kill: () => server.kill(),
    restart: () => server.restart(),
    stop: () => server.stop(),
  }
}
