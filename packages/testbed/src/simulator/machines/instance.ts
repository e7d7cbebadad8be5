import {
  type App,
  type AppEvent,
  type InDoubtCalls,
  isJoineryError,
  memoryStores,
  run,
  type Table,
  type TableView,
} from '@joinery/core'
import type { StateStores } from '@joinery/core/store'
import type { Network } from '../brokers/network.js'
import type { SimCluster } from '../brokers/sim-cluster.js'
import type { SimGroup } from '../brokers/sim-group.js'
import type { EventLoop } from '../event-loop.js'
import { type Application, applicationOf } from '../scenario/application.js'
import { type BlockingRecord, type RunSlowly, runBlocking, type SlowEvents } from '../scenario/blocking.js'
import type { SendRequest } from '../scenario/call-pipeline.js'
import type { SimReply } from '../scenario/call-values.js'
import { APPLICATION, type Scenario } from '../scenario/scenario.js'
import type { SimRow } from '../scenario/values.js'
import type { SimService } from '../service/sim-service.js'
import { SimDisk } from './sim-disk.js'
import { simLog } from './sim-log.js'
import { SimProcess } from './sim-process.js'
import { type StoreFaultRates, simStores } from './sim-stores.js'

/** What instances run on, and faults happen to. */
export interface SimEnvironment {
  readonly eventLoop: EventLoop
  readonly scenario: Scenario
  readonly cluster: SimCluster
  readonly network: Network
  readonly group: SimGroup
  readonly storeFaultRates: StoreFaultRates
  /** The store server, if the stores are shared. */
  readonly server: SimDisk
  /** The external service, if the application makes calls. */
  readonly service: SimService | undefined
}

/** What all instances of a history share. */
export interface SimContext extends SimEnvironment {
  /** Whether streams have `onError: 'halt'`, and dead letters otherwise. */
  halts: boolean
  /** A record whose functions block their process. */
  blocking: BlockingRecord | undefined
  /** Events whose functions take long together. */
  slowEvents: SlowEvents | undefined
  /** Whether the bound of the scenario applies. */
  isBounded: boolean
  /**
   * Called when an instance has restored the state of a task, before it uses it.
   *
   * @param rebuilding the tables, as `<topic>[<partition>]`, that it reads again from their beginnings
   */
  restored(instance: Instance, partition: number, rebuilding: ReadonlySet<string>): void
}

/** A place where the application runs: one process at a time, restarted whenever it ends. */
export class Instance {
  readonly name: string
  readonly #context: SimContext
  /** The contents of its stores. */
  disk: SimDisk
  #process: SimProcess | undefined
  #app: App | undefined
  #starts = 0
  #application: Application | undefined
  /** The simulated times at which processes finished a graceful stop, by process. */
  readonly closed: Map<string, number> = new Map()
  readonly #rebuilding = new Set<string>()
  /** Whether it is restarted after a stop. */
  mustRun = false
  /** The tasks that were reported as stalled, and whose stall has not ended. */
  readonly stalled: Set<number> = new Set()
  /** The error that stopped the application although no fault explains it. */
  failure: Error | undefined

  constructor(name: string, context: SimContext) {
    this.name = name
    this.#context = context
    this.disk = context.scenario.stores === 'shared' ? context.server : new SimDisk()
  }

  get process(): SimProcess | undefined {
    return this.#process
  }

  get app(): App | undefined {
    return this.#app
  }

  get isUp(): boolean {
    return this.#process !== undefined
  }

  /** Starts a process unless one is running. */
  start(): void {
    if (this.isUp) return
    const { eventLoop, scenario, service } = this.#context
    const process = new SimProcess(eventLoop, `${this.name}.${++this.#starts}`)
    this.#process = process
    const { maxIdleMs, commitEveryMs, commitMinMs, cachedRows } = scenario
    const { halts, isBounded } = this.#context
    const bound = isBounded ? scenario.bound : undefined
    const send: SendRequest = (request, call) => (service as SimService).send(process, request, call)
    const slowly: RunSlowly = (step, number) => {
      const { blocking, slowEvents: slow } = this.#context
      if (blocking?.step === step && blocking.number === number) runBlocking(blocking, process)
      if (slow?.step === step && slow.first <= number && number <= slow.last) process.block(slow.ms)
    }
    const application = applicationOf(scenario, { send, halts, slowly, bound })
    this.#application = application
    const begin = async (): Promise<void> => {
      const app = await run(application.pipelines, {
        application: APPLICATION,
        log: simLog({ ...this.#context, process }),
        stores: this.#stores(process),
        cache: { rows: cachedRows },
        ...(bound?.option === 'maxTableBytes' && { maxTableBytes: bound.bytes }),
        maxIdle: maxIdleMs === undefined ? 'never' : `${maxIdleMs}ms`,
        commitEvery: commitMinMs === undefined ? commitEveryMs : { min: commitMinMs, max: commitEveryMs },
        clock: process.clock,
        randomBytes: process.randomBytes,
        claimant: { host: process.name, pid: 1 },
        onEvent: (event) => this.#onEvent(process, event),
      })
      if (this.#process === process) this.#app = app
      await app.closed
    }
    begin().catch((error: Error) => {
      if (!process.isAlive) return
      const mayStart = isJoineryError(error) && error.retriable && this.#app === undefined
      eventLoop.note(`${process.name} stopped: ${error.message}`)
      if (!mayStart) this.failure ??= error
      else eventLoop.schedule(500, `${process.name} restarts`, () => this.#restart(process))
    })
  }

  #stores(process: SimProcess): StateStores {
    const { stores } = this.#context.scenario
    if (stores === 'core') return memoryStores()
    if (stores === 'memory') this.disk = new SimDisk()
    return simStores(process, this.disk, this.#context.storeFaultRates)
  }

  #restart(process: SimProcess): void {
    if (this.#process !== process) return
    this.kill()
    this.start()
  }

  #onEvent(process: SimProcess, event: AppEvent): void {
    if (event.type === 'stalled') this.stalled.add(event.task)
    else if (event.type === 'stall-ended') this.stalled.delete(event.task)
    if (event.type === 'blocked') this.#context.blocking?.reports.push(event)
    if (event.type === 'rebuilding') {
      process.eventLoop.note(`${process.name} rebuilds ${event.table}[${event.task}]`)
      this.#rebuilding.add(`${event.table}[${event.task}]`)
    } else if (event.type === 'restored') {
      this.#context.restored(this, event.task, this.#rebuilding)
      for (const table of this.#rebuilding) if (table.endsWith(`[${event.task}]`)) this.#rebuilding.delete(table)
    } else if (event.type === 'state') process.eventLoop.note(`${process.name} is ${event.to}`)
    else if (event.type === 'retrying') process.eventLoop.note(`${process.name} retries: ${event.error.message}`)
    else if (event.type === 'reopening') {
      process.eventLoop.note(`${process.name} reopens ${event.task}: ${event.reason}`)
      if (event.reason.startsWith('a commit was fenced') && !hasSuccessor(this.#context.cluster, process, event.task))
        this.#context.cluster.violates(
          'only another instance fences',
          `${process.name} is fenced in task ${event.task}`,
        )
    }
  }

  /** A table, read through this instance. */
  viewOf(name: string): TableView<string, SimRow> | undefined {
    return this.#app?.query(this.#application?.tables.get(name) as Table<string, SimRow>)
  }

  /** The calls in doubt, read and resolved through this instance. */
  get inDoubtCalls(): InDoubtCalls<SimReply> | undefined {
    const once = this.#application?.once
    return once && this.#app?.inDoubtCalls(once)
  }

  /** SIGKILL. */
  kill(): void {
    this.#process?.kill()
    this.#process = undefined
    this.#app = undefined
    this.stalled.clear()
  }

  /** SIGTERM: stops gracefully, or kills a process that is still starting. */
  stop(): void {
    const process = this.#process
    const app = this.#app
    if (process === undefined || app === undefined) {
      this.kill()
      if (this.mustRun) this.start()
      return
    }
    const ended = (): void => {
      if (this.#process !== process) return
      this.kill()
      if (this.mustRun) this.start()
    }
    app.close().then(() => {
      if (process.isAlive) this.closed.set(process.name, process.eventLoop.now)
      ended()
    }, ended)
  }
}

const OWNER = 0

/** Whether another instance has written OWNER to a changelog since a process did, committed or not. */
function hasSuccessor(cluster: SimCluster, { name }: SimProcess, task: number): boolean {
  const isOwn = (producer: bigint | undefined) =>
    cluster.transactions.idOf.get(producer ?? -1n)?.startsWith(`${APPLICATION}-${name}.`) === true
  const { entries } = cluster.partition(`${APPLICATION}-changelog`, task)
  const owner = entries.findLastIndex(({ record, producer }) => record?.key?.[1] === OWNER && isOwn(producer))
  return entries.slice(owner + 1).some(({ record, producer }) => record?.key?.[1] === OWNER && !isOwn(producer))
}
