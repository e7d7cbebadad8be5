import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const POM = fileURLToPath(new URL('../kafka-libs.pom.xml', import.meta.url))

/** The folder of Kafka's jars; fetched from Maven Central once. Needs Maven and Java 17 or later. */
export async function kafkaJars(): Promise<string> {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'joinery')
  const jars = join(cache, 'kafka-4.3.1')
  if (existsSync(jars)) return jars
  await mkdir(cache, { recursive: true })
  const partial = `${jars}.${process.pid}`
  try {
    await run('mvn', [
      '-q',
      '-B',
      '-f',
      POM,
      'dependency:copy-dependencies',
      `-DoutputDirectory=${partial}`,
      '-DincludeScope=runtime',
    ])
  } catch (cause) {
    await rm(partial, { recursive: true, force: true })
    throw new Error('Kafka cannot be fetched: install Maven and Java 17 or later, or set KAFKA_BROKERS', { cause })
  }
  await rename(partial, jars)
  return jars
}
