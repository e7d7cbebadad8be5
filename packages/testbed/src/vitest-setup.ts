import type {} from 'vitest'
import type { TestProject } from 'vitest/node'
import { startKafka } from './kafka.js'

declare module 'vitest' {
  interface ProvidedContext {
    brokers: string[]
  }
}

/** Starts Kafka for the integration tests. */
export async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const kafka = await startKafka()
  provide('brokers', [...kafka.brokers])
  return () => kafka.stop()
}
