import { isJoineryError, JoineryError } from '@joinery/core'
import { type BrokerAddress, brokerAddressText } from '../broker-address.js'
import type { ClusterBroker } from './brokers-options.js'
import type { ClusterOptions } from './cluster-options.js'
import { hedged } from './hedged.js'
import { exponentialBackoff, retry, unlessAborted } from './retry.js'

/** After how long the request is also sent to the next of the configured brokers. */
const NEXT_BROKER_MS = 500

/** What finding a cluster needs. */
export interface BootstrapOptions
  extends Pick<ClusterOptions, 'name' | 'clock' | 'bootstrap' | 'retries' | 'connectRetry'> {
  /** Aborts when the client is closed. */
  readonly closed: AbortSignal
}

/**
 * Finds the brokers of a cluster: sends a request to a configured broker, and to further ones if it does not respond soon,
 * or does not know any broker, as while it starts. Failures are reported, and retried as often as kafkajs' options say.
 *
 * @param brokersOf sends the request to one broker
 * @throws JoineryError `LOG_FAILED`, with a reason for each broker; immediately, an error that is not retriable
 */
export async function bootstrap(
  { name, clock, bootstrap: addresses, retries: ongoing, connectRetry, closed }: BootstrapOptions,
  brokersOf: (address: BrokerAddress) => Promise<readonly ClusterBroker[]>,
): Promise<readonly ClusterBroker[]> {
  const { initialRetryTime, maxRetryTime, retries } = connectRetry
  const backoff = exponentialBackoff(initialRetryTime, maxRetryTime)
  const what = `connect ${name}`
  const request = async (address: BrokerAddress): Promise<readonly ClusterBroker[]> => {
    const brokers = await brokersOf(address)
    if (brokers.length > 0) return brokers
    const message = `broker ${brokerAddressText(address)} does not know any broker yet`
    throw new JoineryError('LOG_FAILED', message, { retriable: true })
  }
  const attempt = async (): Promise<readonly ClusterBroker[]> => {
    const attempts = (await unlessAborted(closed, addresses())).map((address) => () => request(address))
    return hedged(attempts, NEXT_BROKER_MS, clock).catch((error: AggregateError) => {
      throw unreachable(error)
    })
  }
  return retry(attempt, {
    clock,
    signal: closed,
    maxAttempts: retries + 1,
    isRetriable: (error) => isJoineryError(error) && error.retriable,
    delayMs: (_error, count) => backoff(count),
    onRetry: (error) => ongoing.report(what, error),
  }).finally(() => ongoing.end(what))
}

function unreachable({ errors }: AggregateError): unknown {
  const final = errors.find((error) => isJoineryError(error) && !error.retriable)
  if (final !== undefined) return final
  const reasons = new Set(errors.map((error) => (error instanceof Error ? error.message : String(error))))
  const text = [...reasons].map((reason) => reason.replace(/^LOG_FAILED: /, '')).join('; ')
  return new JoineryError('LOG_FAILED', `cannot reach any broker: ${text}`, { cause: errors[0], retriable: true })
}
