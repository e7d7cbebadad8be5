import { randomBytes } from 'node:crypto'
import { type Log, memoryLog } from '@joinery/core'
import { kafkaLog } from '@joinery/kafkajs'
import { type Topics, topics, topicsWithPrefix } from '../topics.js'
import { createTopics, deleteTraces, PARTITIONS } from './kafka-topics.js'

/** Where a run takes place. */
export interface Place extends AsyncDisposable {
  readonly log: Log<'exactly-once'>
  readonly topics: Topics
  readonly application: string
  /** In words. */
  readonly where: string
  readonly kind: 'memory' | 'kafka'
}

/** The embedded log: nothing to start, nothing left over. */
export function openMemory(): Place {
  const log = memoryLog({
    partitions: PARTITIONS,
    topics: { [topics.productInformation.name]: { cleanup: 'compact' } },
  })
  return {
    log,
    topics,
    application: 'service-a',
    where: 'the embedded log, in this process',
    kind: 'memory',
    [Symbol.asyncDispose]: () => log[Symbol.asyncDispose](),
  }
}

/** A Kafka: the one named, or one that is started for this run. Topics and application get a name that no other run has. */
export async function openKafka(
  given: readonly string[],
  clean: boolean,
  tell: (text: string) => void,
): Promise<Place> {
  const closers: (() => Promise<void>)[] = []
  const close = async () => {
    for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) await closer()
  }
  try {
    const brokers = given.length > 0 ? [...given] : await startBroker(closers, tell)
    const prefix = `demo-${randomBytes(4).toString('hex')}.`
    const application = `${prefix}service-a`
    const own = topicsWithPrefix(prefix)
    await createTopics(brokers, own)
    if (clean) closers.push(() => deleteTraces(brokers, own, application))
    const log = kafkaLog({ brokers })
    closers.push(() => Promise.resolve(log[Symbol.asyncDispose]()))
    const where = `Kafka at ${brokers.join(', ')}, topics ${prefix}*`
    return { log, topics: own, application, where, kind: 'kafka', [Symbol.asyncDispose]: close }
  } catch (error) {
    await close()
    throw error
  }
}

async function startBroker(closers: (() => Promise<void>)[], tell: (text: string) => void): Promise<string[]> {
  tell('Looking for a Kafka, or starting one: this takes some seconds, the first time longer.')
  const { startKafka } = await import('@joinery/testbed') // only here: who names brokers needs none of it
  const kafka = await startKafka()
  closers.push(() => kafka.stop())
  return [...kafka.brokers]
}
