import { randomBytes } from 'node:crypto'
import { type Duration, type Log, memoryLog } from '@joinery/core'
import { kafkaLog } from '@joinery/kafkajs'
import { activateWithin, notifyWithin } from './demo-pipelines.js'
import { type DemoTopics, topicsWithPrefix } from './demo-topics.js'
import { createTopics, deleteTraces, PARTITIONS } from './kafka-topics.js'
import { type Service, startInProcess } from './service.js'
import { startProcess } from './service-process.js'

/** Short, because the demo waits for it: calls that a crash interrupted are in doubt this long and 5 s later. */
const CALL_TIMEOUT = '1s'

/** Where a run takes place: its log, its topics, and how its services are started. */
export interface DemoEnvironment extends AsyncDisposable {
  readonly log: Log<'exactly-once'>
  readonly topics: DemoTopics
  /** The application of service B: its calls in doubt are looked up by this name. */
  readonly callingApplication: string
  startA(atMost: Duration): Promise<Service>
  startB(url: string): Promise<Service>
  /** Describes the log and the topics. */
  readonly where: string
  /** Describes how service B is stopped. */
  readonly crash: string
  /** Describes when the next service B reports the interrupted calls. */
  readonly recovery: string
  readonly kind: 'memory' | 'kafka'
}

/** The embedded log: nothing to start, nothing left over. */
export function openMemory(): DemoEnvironment {
  const topics = topicsWithPrefix('')
  const log = memoryLog({
    partitions: PARTITIONS,
    topics: { [topics.productInformation.name]: { cleanup: 'compact' } },
  })
  return {
    log,
    topics,
    callingApplication: 'service-b',
    startA: (atMost) => startInProcess(notifyWithin(atMost, topics), { application: 'service-a', log }),
    startB: (url) => startInProcess(activateWithin(CALL_TIMEOUT, url, topics), { application: 'service-b', log }),
    crash: 'ended without closing it, as by a crash (in one process there is nothing to kill)',
    recovery: 'interrupted calls are in doubt in 6 s: the timeout of a call, and 5 s',
    where: 'the embedded log, in this process',
    kind: 'memory',
    [Symbol.asyncDispose]: () => log[Symbol.asyncDispose](),
  }
}

/** Kafka: the given brokers, or one that is started for this run. Topics and applications get names that no other run has. */
export async function openKafka(
  given: readonly string[],
  clean: boolean,
  print: (text: string) => void,
): Promise<DemoEnvironment> {
  const closers: (() => Promise<void>)[] = []
  const close = async () => {
    for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) await closer()
  }
  try {
    const brokers = given.length > 0 ? [...given] : await startBroker(closers, print)
    const prefix = `demo-${randomBytes(4).toString('hex')}.`
    const [a, b] = [`${prefix}service-a`, `${prefix}service-b`] as const
    const topics = topicsWithPrefix(prefix)
    await createTopics(brokers, topics)
    if (clean) closers.push(() => deleteTraces(brokers, topics, [a, b]))
    const log = kafkaLog({ brokers })
    closers.push(() => Promise.resolve(log[Symbol.asyncDispose]()))
    return {
      log,
      topics,
      callingApplication: b,
      startA: async (atMost) => startProcess({ application: a, brokers, prefix, role: { service: 'a', atMost } }),
      startB: async (url) =>
        startProcess({ application: b, brokers, prefix, role: { service: 'b', url, timeout: CALL_TIMEOUT } }),
      where: `Kafka at ${brokers.join(', ')}, topics ${prefix}*`,
      crash: 'killed (SIGKILL)',
      recovery:
        'the brokers notice within 6 s, and 6 s after that (the timeout of a call, and 5 s) interrupted calls are in doubt',
      kind: 'kafka',
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function startBroker(closers: (() => Promise<void>)[], print: (text: string) => void): Promise<string[]> {
  print('Looking for a Kafka, or starting one: this takes a few seconds, the first time longer.')
  const { startKafka } = await import('@joinery/testbed') // only here, because given brokers do not need it
  const kafka = await startKafka()
  closers.push(() => kafka.stop())
  return [...kafka.brokers]
}
