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
import { type Application, applicationOf } from '../scenario/application.js'
import type { SimAnswer } from '../scenario/call-values.js'
import { APPLICATION, type Scenario } from '../scenario/scenario.js'
import type { SimRow } from '../scenario/values.js'
import type { SimService } from '../service/sim-service.js'
import type { World } from '../world.js'
import { SimDisk } from './sim-disk.js'
import { simLog } from './sim-log.js'
import { SimProcess } from './sim-process.js'
import { type StoreTrouble, simStores } from './sim-stores.js'

/** What all instances share. */
export interface Surroundings {
  readonly world: World
  readonly scenario: Scenario
  readonly cluster: SimCluster
  readonly network: Network
  readonly group: SimGroup
  readonly trouble: StoreTrouble
  /** The store server, where there is one. */
  readonly server: SimDisk
  /** What calls are made to, by an application that makes some. */
  readonly service: SimService | undefined
  /** Told when an instance has a task's state back, before it does anything with it. */
  restored(instance: Instance, partition: number): void
}

/** One place where a process of the application runs, again and again. */
export class Instance {
  readonly name: string
  readonly #around: Surroundings
  /** What its stores have written. */
  disk: SimDisk
  #process: SimProcess | undefined
  #app: App | undefined
  #starts = 0
  #application: Application | undefined
  /** Processes that have closed as they were asked to, with the world time. */
  readonly closed: Map<string, number> = new Map()
  /** Whether it is started again wherever it ends. */
  mustRun = false
  /** What the application stopped with, though nothing that was done to it should stop it. */
  failure: Error | undefined

  constructor(name: string, around: Surroundings) {
    this.name = name
    this.#around = around
    this.disk = around.scenario.stores === 'shared' ? around.server : new SimDisk()
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

  /** Starts a process unless one is up. */
  start(): void {
    if (this.isUp) return
    const { world, scenario, service } = this.#around
    const process = new SimProcess(world, `${this.name}.${++this.#starts}`)
    this.#process = process
    const { maxIdleMs, commitEveryMs, cachedRows } = scenario
    const application = applicationOf(scenario, (ask, call) => (service as SimService).ask(process, ask, call))
    this.#application = application
    const begin = async (): Promise<void> => {
      const app = await run(application.pipelines, {
        application: APPLICATION,
        log: simLog({ ...this.#around, process }),
        stores: this.#stores(process),
        cache: { rows: cachedRows },
        maxIdle: maxIdleMs === undefined ? 'never' : `${maxIdleMs}ms`,
        commitEvery: `${commitEveryMs}ms`,
        clock: process.clock,
        randomBytes: process.randomBytes,
        claimant: { host: process.name, pid: 1 },
        onEvent: (event) => this.#heard(process, event),
      })
      if (this.#process === process) this.#app = app
      await app.closed
    }
    begin().catch((error: Error) => {
      if (!process.isAlive) return
      const mayStart = isJoineryError(error) && error.retriable && this.#app === undefined
      world.note(`${process.name} stopped: ${error.message}`)
      if (!mayStart) this.failure ??= error
      else world.after(500, `${process.name} starts again`, () => this.#again(process))
    })
  }

  #stores(process: SimProcess): StateStores {
    const { stores } = this.#around.scenario
    if (stores === 'core') return memoryStores()
    if (stores === 'memory') this.disk = new SimDisk()
    return simStores(process, this.disk, this.#around.trouble)
  }

  #again(process: SimProcess): void {
    if (this.#process !== process) return
    this.kill()
    this.start()
  }

  #heard(process: SimProcess, event: AppEvent): void {
    if (event.type === 'restored') this.#around.restored(this, event.task)
    else if (event.type === 'state') process.world.note(`${process.name} is ${event.to}`)
    else if (event.type === 'retrying') process.world.note(`${process.name} tries again: ${event.error.message}`)
    else if (event.type === 'reopening') process.world.note(`${process.name} reopens ${event.task}: ${event.reason}`)
  }

  /** A table as this instance has it. */
  viewOf(name: string): TableView<string, SimRow> | undefined {
    return this.#app?.query(this.#application?.tables.get(name) as Table<string, SimRow>)
  }

  /** The calls in doubt, as this instance reads and decides them. */
  get calls(): InDoubtCalls<SimAnswer> | undefined {
    const once = this.#application?.once
    return once && this.#app?.inDoubtCalls(once)
  }

  /** SIGKILL. */
  kill(): void {
    this.#process?.kill()
    this.#process = undefined
    this.#app = undefined
  }

  /** SIGTERM: a graceful end, or a kill where it takes too long. */
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
      if (process.isAlive) this.closed.set(process.name, process.world.now)
      ended()
    }, ended)
  }
}
