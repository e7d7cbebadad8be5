import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { consume, type Duration, type InDoubtCalls, inDoubtCalls, inDoubtInfo, produce } from '@joinery/core'
import { expect, vi } from 'vitest'
import type { Kafka } from '../../../testbed/src/kafka/kafka-options.js'
import type { FaultProxy } from '../../../testbed/src/proxy/fault-proxy.js'
import { kafkaLog } from '../../src/index.js'
import { recordsOf } from '../support/records.js'
import { createTopics } from '../support/topics.js'
import { callHistory } from './call-history.js'
import { CallService } from './call-service.js'
import { type CallTopics, CONCURRENCY, callTopics } from './call-topics.js'
import { CallWorkerProcess, type Script } from './call-worker-process.js'

/** The environment of the tests: their own broker, and a proxy between it and the workers. */
export interface Stage {
  /** The address of the broker itself. */
  readonly brokers: readonly string[]
  readonly proxied: readonly string[]
  readonly proxy: FaultProxy
  /** The program of workers. */
  readonly program: string
  readonly kafka: Kafka
}

/** Options, which by default are those of a single worker whose calls have a long timeout. */
export interface WorldOptions {
  readonly timeout?: Duration
  /** Whether workers share the task as members of a group. */
  readonly isShared?: boolean
}

interface WorldParts {
  readonly stage: Stage
  readonly id: string
  readonly topics: CallTopics
  readonly service: CallService
  readonly folder: string
  readonly options: WorldOptions
}

/** An application, its workers, its service, and the records that it has written so far. */
export class World implements AsyncDisposable {
  readonly stage: Stage
  readonly topics: CallTopics
  readonly service: CallService
  readonly log: ReturnType<typeof kafkaLog>
  /** Calls whose results were written. */
  readonly done: string[] = []
  /** Calls that were reported as in doubt. */
  readonly doubts: string[] = []
  /** The number of events that may leave calls in doubt. */
  faults = 0
  readonly #id: string
  readonly #folder: string
  readonly #options: WorldOptions
  readonly #workers: CallWorkerProcess[] = []
  readonly #asked: string[] = []
  /** The messages of workers. */
  readonly #trace: string[] = []
  readonly #stop = new AbortController()
  readonly #reading: Promise<unknown>

  static async begin(stage: Stage, options: WorldOptions = {}): Promise<World> {
    const id = randomUUID().slice(0, 8)
    const topics = callTopics(id, '1s', async () => ({ status: 0 }))
    const names = [topics.asked.name, topics.results.name, topics.inDoubt]
    await createTopics(stage, ...names.map((topic) => ({ topic, partitions: 1 })))
    const folder = await mkdtemp(join(tmpdir(), 'joinery-calls-'))
    const service = new CallService(join(folder, 'requests.log'))
    await service.start()
    return new World({ stage, id, topics, service, folder, options })
  }

  private constructor({ stage, id, topics, service, folder, options }: WorldParts) {
    this.stage = stage
    this.topics = topics
    this.service = service
    this.log = kafkaLog({ brokers: [...stage.brokers] })
    this.#id = id
    this.#folder = folder
    this.#options = options
    const { signal } = this.#stop
    const results = async () => {
      for await (const { key } of consume(this.log, topics.results, { signal })) this.done.push(String(key))
    }
    const doubts = async () => {
      for await (const { headers } of consume(this.log, topics.asked.named(topics.inDoubt), { signal }))
        this.doubts.push(inDoubtInfo(headers)?.id ?? '')
    }
    this.#reading = Promise.all([results(), doubts()])
  }

  /** The client id of the workers, by which the proxy distinguishes them. */
  get clientId(): string {
    return `worker-${this.#id}`
  }

  get calls(): InDoubtCalls<Uint8Array> {
    return inDoubtCalls({ application: this.topics.application, log: this.log })
  }

  /** Waits for a condition, which `expect.poll` cannot do in concurrent tests. If it is not met, the error contains the history. */
  async until(holds: () => boolean | Promise<boolean>): Promise<void> {
    try {
      await vi.waitUntil(holds, { timeout: 60_000, interval: 20 })
    } catch (cause) {
      throw new Error(`${holds} was never true. History:\n${await this.#story()}`, { cause })
    }
  }

  /** The messages of workers, their figures, and the states in the changelog. */
  async #story(): Promise<string> {
    const figures = () => this.#workers.map((worker) => worker.figures)
    figures()
    const changelog = await Promise.race([
      recordsOf(this.log, `${this.topics.application}-changelog`),
      setTimeout(5_000, [], { ref: false }), // a transaction may be open
    ])
    const states = changelog.flatMap(({ offset, value }) => {
      const [state] = /"state":"[^"]+"/.exec(Buffer.from(value ?? []).toString('latin1')) ?? []
      return state === undefined ? [] : [`${offset} ${state}`]
    })
    return [...this.#trace, ...figures(), ...states].join('\n')
  }

  start(script: Script = () => undefined): CallWorkerProcess {
    const { timeout = '30s', isShared = false } = this.#options
    const options = {
      id: this.#id,
      brokers: this.stage.proxied,
      clientId: this.clientId,
      service: this.service.url,
      timeout,
      isMember: isShared,
    }
    const name = `worker ${this.#workers.length}`
    const worker = new CallWorkerProcess(this.stage.program, options, script, (line) => {
      this.#trace.push(`${new Date().toISOString().slice(14)} ${name}: ${line}`)
    })
    this.#workers.push(worker)
    return worker
  }

  /** Requests calls, each with its own key. */
  async ask(...calls: readonly string[]): Promise<void> {
    this.#asked.push(...calls)
    await produce(this.log, this.topics.asked, ...calls.map((n) => ({ key: n, value: { n } })))
  }

  /** Waits until calls are done or reported as in doubt. */
  settled(...calls: readonly string[]): Promise<void> {
    return this.until(() => calls.every((n) => this.done.includes(n) || this.doubts.includes(n)))
  }

  /** Closes a worker gracefully. */
  async close(worker: CallWorkerProcess): Promise<void> {
    await this.until(() => worker.isReady)
    worker.close()
    await this.until(() => worker.hasEnded)
    expect(await worker.ended).toBe(0)
  }

  /** @returns the outcomes of calls, after all workers have ended; fails if a guarantee is violated */
  async end(...calls: readonly string[]): Promise<readonly Ending[]> {
    const { application, results, inDoubt } = this.topics
    const history = callHistory({
      asked: this.#asked,
      requests: this.service.requests,
      changelog: await recordsOf(this.log, `${application}-changelog`),
      results: await recordsOf(this.log, results.name),
      inDoubt: await recordsOf(this.log, inDoubt),
      faults: this.faults,
      concurrency: CONCURRENCY,
    })
    expect(history.violations).toEqual([])
    const endings = [...history.found].map(([n, found]) => ({ n, found, requests: this.service.requests.get(n) ?? 0 }))
    for (const { n, ...rest } of endings)
      if (!calls.includes(n)) expect({ n, ...rest }).toEqual({ n, found: 'DONE', requests: 1 })
    return endings.filter(({ n }) => calls.includes(n))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.kill()))
    this.#stop.abort()
    await this.#reading
    await this.log[Symbol.asyncDispose]()
    await this.service[Symbol.asyncDispose]()
    await rm(this.#folder, { recursive: true, force: true })
  }
}

/** The outcome of a call. */
export interface Ending {
  readonly n: string
  readonly found: string
  readonly requests: number
}
