import type {} from 'vitest'
import type { TestProject } from 'vitest/node'
import { chooseKafka } from './kafka/choose-kafka.js'
import { startKafka } from './kafka/kafka.js'
import { kafkaProbes } from './kafka/kafka-probes.js'
import { announceSkipped } from './servers/announce-skipped.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** A Kafka for all integration tests. */
    brokers: string[]
    /** Whether tests can start their own brokers, or why not. */
    ownKafka: { readonly isPossible: boolean; readonly missing: string }
  }
}

/** Matches no test. */
const NOTHING = /(?!)/

/** Starts Kafka for the integration tests. If that is impossible, they are skipped and announced prominently; in CI, that is a failure. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const choice = await chooseKafka(kafkaProbes)
  if (choice.from === 'nowhere') {
    announceSkipped(`NO KAFKA, SO NO INTEGRATION TESTS: ${choice.missing}`)
    project.config.testNamePattern = NOTHING
    project.provide('brokers', [])
    project.provide('ownKafka', { isPossible: false, missing: choice.missing })
    return async () => {}
  }
  const own = await chooseKafka(kafkaProbes, true)
  const missing = own.from === 'nowhere' ? own.missing : ''
  if (missing !== '')
    process.stderr.write(`\nTests that need their own Kafka (restarts, security) are skipped: ${missing}\n\n`)
  const kafka = await startKafka()
  project.provide('brokers', [...kafka.brokers])
  project.provide('ownKafka', { isPossible: missing === '', missing })
  return () => kafka.stop()
}
