import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { kafkaJars } from '../../../testbed/src/kafka/kafka-jars.js'
import { kafkaProbes } from '../../../testbed/src/kafka/kafka-probes.js'
import { APIS } from './apis.js'

const run = promisify(execFile)
const PROGRAM = new URL('../../../testbed/tools/KafkaMessages.java', import.meta.url).pathname
const JAVA = 17
const java = await kafkaProbes.java()

/** Vitest's option `--update` writes the file again. */
it.skipIf(java === undefined || java < JAVA)("kafka-messages.jsonl is what Kafka's own classes write", async () => {
  const ranges = APIS.map(({ name, minVersion, maxVersion }) => `${name}:${minVersion}-${maxVersion}`)
  const args = ['-cp', `${await kafkaJars()}/*`, PROGRAM, ...ranges]
  const { stdout } = await run('java', args, { maxBuffer: 2 ** 24 })
  await expect(stdout).toMatchFileSnapshot('kafka-messages.jsonl')
})
