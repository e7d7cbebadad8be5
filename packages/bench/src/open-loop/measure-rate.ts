import { percentile } from '../percentile.js'
import { peakRssMb } from '../processor-time.js'
import { ActivationRun, type ActivationRunOptions } from './activation-run.js'
import { countCommits } from './committed-transactions.js'
import type { Violations } from './output-check.js'
import { Schedule } from './schedule.js'
import { type CpuShares, cpuShares, currentUsage } from './usage.js'

/** A load, and for how long it is measured. */
export interface RateOptions {
  /** Events per second; 0: none. */
  readonly rate: number
  readonly warmUpSeconds: number
  readonly seconds: number
}

/** What a program did under a constant load. Latencies are those from when an event was due until its output was received. */
export interface RateMeasurement extends CpuShares, Violations {
  readonly rate: number
  readonly seconds: number
  readonly p50Ms: number | undefined
  readonly p99Ms: number | undefined
  readonly maxMs: number | undefined
  readonly commitsPerSecond: number
  readonly peakRssMb: number | undefined
  /** How late the latest event was sent. */
  readonly sendLagMs: number
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Starts a program, and measures it under a constant load after a time of warm-up. */
export async function measureRate(
  options: ActivationRunOptions,
  { rate, warmUpSeconds, seconds }: RateOptions,
): Promise<RateMeasurement> {
  const { broker } = options
  await using run = await ActivationRun.open(options)
  await run.start()
  await run.sample()
  const pid = run.process?.pid
  const startAt = performance.now()
  const measureAt = startAt + warmUpSeconds * 1_000
  const counts = [rate * (warmUpSeconds + seconds), rate * warmUpSeconds] as const
  const loading = rate > 0 ? run.load(new Schedule(rate, startAt), ...counts) : undefined
  loading?.catch(() => {}) // it is awaited below
  await sleep(measureAt - performance.now())
  const from = currentUsage(broker, pid)
  await sleep(measureAt + seconds * 1_000 - performance.now())
  const until = currentUsage(broker, pid)
  const peak = pid === undefined ? undefined : peakRssMb(pid)
  const sendLagMs = (await loading) ?? 0
  const violations = await run.end()
  const latencies = run.outputs.latencies(measureAt, measureAt + seconds * 1_000, (partition) =>
    run.isSampled(partition),
  )
  const commits = await countCommits(broker.brokers[0], run.application, from.timestamp, until.timestamp)
  return {
    rate,
    seconds,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    maxMs: percentile(latencies, 1),
    commitsPerSecond: commits / ((until.at - from.at) / 1_000),
    ...cpuShares(from, until),
    peakRssMb: peak,
    sendLagMs,
    ...violations,
  }
}
