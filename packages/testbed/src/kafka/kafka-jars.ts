import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
// by the name of the package: built programs are not in the folder of this file
const POM = createRequire(import.meta.url).resolve('@joinery/testbed/kafka-libs.pom.xml')

const cacheFolder = (): string => join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'joinery')
const jarsFolder = (version: string): string => join(cacheFolder(), `kafka-${version}`)

/** The version that the tests use. */
const KAFKA_VERSION = '4.3.1'

/** Whether the jars were fetched before. */
export function hasKafkaJars(): boolean {
  return existsSync(jarsFolder(KAFKA_VERSION))
}

/** The folder of Kafka's jars, which are fetched from Maven Central once. Needs Maven, and Java 17 or later. */
export async function kafkaJars(version: string = KAFKA_VERSION): Promise<string> {
  const jars = jarsFolder(version)
  if (existsSync(jars)) return jars
  await mkdir(cacheFolder(), { recursive: true })
  const partial = await mkdtemp(`${jars}.`) // its own: the brokers of a cluster start concurrently
  try {
    await run('mvn', [
      '-q',
      '-B',
      '-f',
      POM,
      'dependency:copy-dependencies',
      `-Dkafka.version=${version}`,
      `-DoutputDirectory=${partial}`,
      '-DincludeScope=runtime',
    ])
    await rename(partial, jars)
  } catch (cause) {
    await rm(partial, { recursive: true, force: true })
    if (existsSync(jars)) return jars // another process has fetched them
    throw new Error(`Maven could not fetch Kafka ${version}: start Docker, or set KAFKA_BROKERS`, { cause })
  }
  return jars
}
