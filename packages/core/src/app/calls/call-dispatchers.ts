import { reportRecord } from '../../changelog/report-record.js'
import { reportsTopic } from '../../changelog/reports-topic.js'
import type { Clock } from '../../clock.js'
import type { Log } from '../../log/contract.js'
import type { ApplicationPlan } from '../../pipeline/plan.js'
import type { BlockedRecords } from '../../task/blocked/blocked-records.js'
import { CallDispatcher, type ClaimReport } from '../../task/calls/call-dispatcher.js'

/** Options of {@link CallDispatchers}. */
export interface CallDispatchersOptions {
  readonly application: string
  readonly plan: Pick<ApplicationPlan, 'calls'>
  readonly log: Pick<Log<never>, 'sink'>
  readonly clock: Clock
  /** Finds the records for which functions block the event loop. */
  readonly blocked: BlockedRecords
}

/** The dispatchers of calls. A call may outlive the task that started it, and is found again if the task returns. */
export class CallDispatchers {
  readonly #options: CallDispatchersOptions
  /** By task and pipeline. */
  readonly #byTask = new Map<number, ReadonlyMap<string, CallDispatcher>>()

  constructor(options: CallDispatchersOptions) {
    this.#options = options
  }

  /** @returns the dispatchers of a task, by pipeline */
  of(partition: number): ReadonlyMap<string, CallDispatcher> {
    const { plan, clock, blocked } = this.#options
    const dispatchers =
      this.#byTask.get(partition) ??
      new Map(plan.calls.map((call) => [call.name, new CallDispatcher(call, clock, blocked)]))
    this.#byTask.set(partition, dispatchers)
    return dispatchers
  }

  /** Reports to the current owner of the task. */
  report(partition: number, pipeline: string, { id, report }: ClaimReport): Promise<void> {
    const { log, application, clock } = this.#options
    const message = { ...report, type: 'report', pipeline, id } as const
    return log.sink.append([reportRecord(reportsTopic(application), partition, message, clock.now())])
  }

  /** Resolves when the outcomes of all calls are reported. */
  async allReported(): Promise<void> {
    const all = [...this.#byTask.values()].flatMap((dispatchers) => [...dispatchers.values()])
    await Promise.all(all.map((dispatcher) => dispatcher.allReported()))
  }
}
