import { kafkaProbes, localKafkaIsMissing, startLocalBroker } from '@joinery/testbed'
import { secondsOfProcesses } from '../processor-time.js'

/** The brokers that programs use while they are measured. */
export interface MeasuredBroker extends AsyncDisposable {
  readonly brokers: readonly [string, ...string[]]
  /** @returns the processor time of the brokers' processes; `undefined` if they are not known */
  cpuSeconds(): number | undefined
}

const HEAP = '1g'
/** Kafka's defaults instead of those of test brokers. */
const DEFAULTS = {
  'broker.session.timeout.ms': 9_000,
  'broker.heartbeat.interval.ms': 2_000,
  'log.retention.check.interval.ms': 300_000,
  'log.initial.task.delay.ms': 30_000,
}

/** @returns the brokers of `KAFKA_BROKERS`, with the processes of `BROKER_PID`; or else a new broker on this machine */
export async function measuredBroker({
  KAFKA_BROKERS = '',
  BROKER_PID = '',
}: NodeJS.ProcessEnv): Promise<MeasuredBroker> {
  const [first, ...others] = KAFKA_BROKERS.split(',').filter((broker) => broker !== '')
  if (first !== undefined) {
    const pids = BROKER_PID.split(',').filter(Boolean).map(Number)
    const cpuSeconds = () => (pids.length === 0 ? undefined : secondsOfProcesses(pids))
    return { brokers: [first, ...others], cpuSeconds, [Symbol.asyncDispose]: async () => {} }
  }
  const missing = await localKafkaIsMissing(kafkaProbes)
  if (missing !== undefined) throw new Error(`${missing}, or set KAFKA_BROKERS and BROKER_PID`)
  const kafka = await startLocalBroker({ heap: HEAP, jvm: [], properties: DEFAULTS })
  return {
    brokers: [kafka.brokers[0] as string],
    cpuSeconds: () => (kafka.pid === undefined ? undefined : secondsOfProcesses([kafka.pid])),
    [Symbol.asyncDispose]: () => kafka.stop(),
  }
}
