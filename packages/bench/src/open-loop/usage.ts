import { secondsOfMachine, secondsOfProcesses } from '../processor-time.js'
import type { MeasuredBroker } from './measured-broker.js'

/** What the machine has done up to a moment: processor times in seconds. */
export interface Usage {
  /** As `performance.now()`. */
  readonly at: number
  /** As `Date.now()`. */
  readonly timestamp: number
  readonly program: number
  readonly broker: number | undefined
  /** This process, which is the load and the consumer. */
  readonly load: number
  readonly machine: number
}

/** Processor times as shares of one core. */
export interface CpuShares {
  readonly programCpu: number
  readonly brokerCpu: number | undefined
  readonly loadCpu: number
  /** All other processes of the machine. A run with a large share of them was disturbed. */
  readonly othersCpu: number | undefined
}

/** @param program its process id, if there is a program */
export function currentUsage(broker: MeasuredBroker, program: number | undefined): Usage {
  return {
    at: performance.now(),
    timestamp: Date.now(),
    program: program === undefined ? 0 : secondsOfProcesses([program]),
    broker: broker.cpuSeconds(),
    load: secondsOfProcesses([process.pid]),
    machine: secondsOfMachine(),
  }
}

/** @returns the shares between two moments */
export function cpuShares(from: Usage, until: Usage): CpuShares {
  const share = (of: (usage: Usage) => number) => ((of(until) - of(from)) / (until.at - from.at)) * 1_000
  const programCpu = share(({ program }) => program)
  const loadCpu = share(({ load }) => load)
  if (from.broker === undefined) return { programCpu, loadCpu, brokerCpu: undefined, othersCpu: undefined }
  const brokerCpu = share(({ broker = 0 }) => broker)
  const othersCpu = Math.max(0, share(({ machine }) => machine) - programCpu - brokerCpu - loadCpu)
  return { programCpu, brokerCpu, loadCpu, othersCpu }
}
