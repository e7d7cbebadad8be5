import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
/** Test brokers run for seconds: optimizing their code would take more processor time than it saves. */
const QUICK_START: readonly string[] = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC']
const LOGGING = `<Configuration status="OFF"><Appenders><Console name="c" target="SYSTEM_ERR"><PatternLayout pattern="%d %p %c - %m%n"/></Console></Appenders>
<Loggers><Root level="warn"><AppenderRef ref="c"/></Root></Loggers></Configuration>
`

/** @returns a cluster id, as Kafka generates them */
export const newClusterId = (): string => randomBytes(16).toString('base64url').replace(/^-/, 'A')

/**
 * @param classes a folder of further classes
 * @param jvm flags of the JVM
 * @returns the arguments of `java` for a program of Kafka that logs warnings to its standard error
 */
export async function javaArgs(
  jars: string,
  folder: string,
  classes?: string,
  jvm: readonly string[] = QUICK_START,
): Promise<readonly string[]> {
  const logging = join(folder, 'log4j2.xml')
  await writeFile(logging, LOGGING)
  return [
    ...jvm,
    '-cp',
    [...(classes === undefined ? [] : [classes]), `${jars}/*`].join(delimiter),
    `-Dlog4j2.configurationFile=${logging}`,
  ]
}

/** Formats the data folder of a broker. */
export async function formatStorage(
  java: readonly string[],
  config: string,
  clusterId: string,
  features: readonly string[],
): Promise<void> {
  await run('java', [...java, 'kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', config, ...features])
}
