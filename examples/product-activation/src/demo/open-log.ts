import { randomBytes } from 'node:crypto'
import { type Duration, type Log, memoryLog } from '@joinery/core'
import { kafkaLog } from '@joinery/kafkajs'
import { activate, post } from '../call-pipeline.js'
import { notifyWithin } from '../pipeline.js'
import { type Topics, topics, topicsWithPrefix } from '../topics.js'
import { createTopics, deleteTraces, PARTITIONS } from './kafka-topics.js'
import { embedded, type Service } from './service.js'
import { startProcess } from './service-process.js'

/** Short, because the demo waits for it: what was under way in a crash is in doubt 5 s after that. */
const CALL_TIMEOUT = '1s'

/** Where a run takes place. */
export interface Place extends AsyncDisposable {
  readonly log: Log<'exactly-once'>
  readonly topics: Topics
  /** The name of service B: its doubts are looked up by it. */
  readonly callingApplication: string
  startA(atMost: Duration): Promise<Service>
  startB(url: string): Promise<Service>
  /** In words. */
  readonly where: string
  /** In words: how service B is stopped, and when the next one tells what was under way. */
  readonly crash: string
  readonly recovery: string
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
    callingApplication: 'service-b',
    startA: (atMost) => embedded(notifyWithin(atMost), { application: 'service-a', log }),
    startB: (url) => embedded(activate(post(url), topics, CALL_TIMEOUT), { application: 'service-b', log }),
    crash: 'abandoned without closing it, as a crash would (in one process there is nothing to kill)',
    recovery: 'what was under way is in doubt in 6 s: the time-out of a call, and 5 s',
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
    const [a, b] = [`${prefix}service-a`, `${prefix}service-b`] as const
    const own = topicsWithPrefix(prefix)
    await createTopics(brokers, own)
    if (clean) closers.push(() => deleteTraces(brokers, own, [a, b]))
    const log = kafkaLog({ brokers })
    closers.push(() => Promise.resolve(log[Symbol.asyncDispose]()))
    const where = `Kafka at ${brokers.join(', ')}, topics ${prefix}*`
    return {
      log,
      topics: own,
      callingApplication: b,
      startA: async (atMost) => startProcess({ application: a, brokers, prefix, role: { service: 'a', atMost } }),
      startB: async (url) =>
        startProcess({ application: b, brokers, prefix, role: { service: 'b', url, timeout: CALL_TIMEOUT } }),
      where,
      crash: 'killed (SIGKILL)',
      recovery:
        'the brokers miss the old one within 6 s, and 6 s after that (the time-out of a call, and 5 s) what was under way is in doubt',
      kind: 'kafka',
      [Symbol.asyncDispose]: close,
    }
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
