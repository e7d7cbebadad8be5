import { type App, type AppEvent, isJoineryError, run, type Table, type TableView } from '@joinery/core'
import type { Network } from './network.js'
import { pipelineOf, type Scenario, type SimRow, tablesOf } from './scenario.js'
import type { SimCluster } from './sim-cluster.js'
import type { SimGroup } from './sim-group.js'
import { simLog } from './sim-log.js'
import { SimProcess } from './sim-process.js'
import { SimDisk, type StoreTrouble, simStores } from './sim-stores.js'
import type { World } from './world.js'

/** What all instances share. */
export interface Surroundings {
  readonly world: World
  readonly scenario: Scenario
  readonly cluster: SimCluster
  readonly network: Network
  readonly group: SimGroup
  readonly trouble: StoreTrouble
}

export const APPLICATION = 'sim'

/** One place where a process of the application runs, again and again. */
export class Instance {
  readonly name: string
  readonly #around: Surroundings
  #disk = new SimDisk()
  #process: SimProcess | undefined
  #app: App | undefined
  #starts = 0
  readonly #tables: readonly Table<string, SimRow>[]
  /** Whether it is started again wherever it ends. */
  mustRun = false
  /** What the application stopped with, though nothing that was done to it should stop it. */
  failure: Error | undefined

  constructor(name: string, around: Surroundings) {
    this.name = name
    this.#around = around
    this.#tables = tablesOf(around.scenario)
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
    const { world, network, cluster, group, scenario, trouble } = this.#around
    const process = new SimProcess(world, `${this.name}.${++this.#starts}`)
    this.#process = process
    if (!scenario.isDurable) this.#disk = new SimDisk()
    const begin = async (): Promise<void> => {
      const log = simLog({ process, network, cluster, group })
      const stores = simStores(process, this.#disk, trouble)
      const app = await run(pipelineOf(scenario, this.#tables), {
        application: APPLICATION,
        log,
        stores,
        clock: process.clock,
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

  #again(process: SimProcess): void {
    if (this.#process !== process) return
    this.kill()
    this.start()
  }

  #heard(process: SimProcess, event: AppEvent): void {
    if (event.type === 'state') process.world.note(`${process.name} is ${event.to}`)
    else if (event.type === 'retrying') process.world.note(`${process.name} tries again: ${event.error.message}`)
    else if (event.type === 'reopening') process.world.note(`${process.name} reopens ${event.task}: ${event.why}`)
  }

  /** A table as this instance has it. */
  viewOf(name: string): TableView<string, SimRow> | undefined {
    const of = this.#tables.find(({ topic }) => topic.name === name)
    return of && this.#app?.query(of)
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
      return
    }
    const ended = (): void => {
      if (this.#process !== process) return
      this.kill()
      if (this.mustRun) this.start()
    }
    app.close().then(ended, ended)
  }
}
