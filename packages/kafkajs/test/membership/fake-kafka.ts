import type { Kafka } from 'kafkajs'

type Listener = (event: { payload: Record<string, unknown> }) => void

/** A group and the kafkajs client of one member, in memory: the parts of both that a membership uses. */
export class FakeKafka {
  assignment: Readonly<Record<string, readonly number[]>> = { input: [0, 1] }
  /** The errors of the next attempts to join; `undefined` joins. */
  readonly failures: (Error | undefined)[] = []
  /** The group's reaction to a heartbeat. */
  heartbeat: () => Promise<void> = async () => {}
  readonly log: string[] = []
  readonly committed: unknown[] = []
  generation = 0
  #listeners = new Map<string, Listener>()
  #cluster: { findGroupCoordinator(request: { groupId: string }): Promise<Coordinator> } | undefined
  #disconnects: () => Promise<void> = async () => {}

  /** A client whose consumer is the next one of this group. */
  readonly kafka = (): Kafka =>
    ({
      consumer: (options: { partitionAssigners: readonly ((at: object) => object)[] }) => this.#consumer(options),
    }) as never

  /** kafkajs joins. */
  async join(): Promise<void> {
    const coordinator = (await this.#cluster?.findGroupCoordinator({ groupId: 'group' })) as Coordinator
    this.log.push('join')
    await coordinator.syncGroup({ memberId: `member-${this.generation + 1}`, generationId: ++this.generation })
    this.#emit('join', { memberAssignment: this.assignment })
  }

  /** kafkajs looks for the coordinator, but cannot join, and is still the same member. */
  async joinInVain(): Promise<void> {
    await this.#cluster?.findGroupCoordinator({ groupId: 'group' })
  }

  /** The current consumer's lookup of its coordinator, which it may run even after it was replaced. */
  finder(): () => Promise<Coordinator> {
    const cluster = this.#cluster
    return async () => (await cluster?.findGroupCoordinator({ groupId: 'group' })) as Coordinator
  }

  /** kafkajs gives up. */
  crash(error: Error): void {
    this.#emit('crash', { error, restart: false })
  }

  /** kafkajs heartbeats. */
  async beat(): Promise<void> {
    const coordinator = (await this.#coordinator()) as Coordinator
    await coordinator.heartbeat({
      groupId: 'group',
      memberId: `member-${this.generation}`,
      groupGenerationId: this.generation,
    })
  }

  /** Sets how long leaving takes. */
  disconnecting(disconnects: () => Promise<void>): void {
    this.#disconnects = disconnects
  }

  #emit(event: string, payload: Record<string, unknown>): void {
    this.#listeners.get(event)?.({ payload })
  }

  #known: Coordinator | undefined
  async #coordinator(): Promise<Coordinator> {
    this.#known ??= {
      syncGroup: async () => {},
      heartbeat: async () => {
        this.log.push('heartbeat')
        await this.heartbeat()
      },
      offsetCommit: async (request: unknown) => {
        this.committed.push(request)
      },
    }
    return this.#known
  }

  #consumer({ partitionAssigners }: { partitionAssigners: readonly ((at: object) => object)[] }): object {
    const listeners = new Map<string, Listener>()
    this.#listeners = listeners
    this.#known = undefined
    const cluster = {
      connectionPoolBuilder: { build: async () => ({ pool: [] }) },
      findGroupCoordinator: () => this.#coordinator(),
      findTopicPartitionMetadata: () => [],
    }
    this.#cluster = cluster
    partitionAssigners[0]?.({ cluster })
    return {
      events: { GROUP_JOIN: 'join', CRASH: 'crash' },
      on: (event: string, listener: Listener) => listeners.set(event, listener),
      connect: async () => {},
      subscribe: async () => {},
      pause: () => this.log.push('pause'),
      run: async () => {
        const failure = this.failures.shift()
        if (failure === undefined) await this.join()
        else this.crash(failure)
      },
      disconnect: async () => {
        this.log.push('disconnect')
        await this.#disconnects()
      },
    }
  }
}

interface Coordinator {
  syncGroup(request: object): Promise<void>
  heartbeat(request: object): Promise<void>
  offsetCommit(request: unknown): Promise<void>
}

/** An error of the group, as kafkajs throws it. */
export function groupAnswers(type: string): Error {
  return Object.assign(new Error(`the group responds ${type}`), { name: 'KafkaJSProtocolError', type })
}
