import { isJoineryError } from '@joinery/core'
import { failpoint } from '@joinery/failpoint'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { sleep } from '../connection/sleep.js'
import { CODE, isCoordinatorMoved, ProtocolError } from '../protocol/error-codes.js'
import { RequestWriter } from '../protocol/request-writer.js'
import type { ResponseReader } from '../protocol/response-reader.js'
import type { Identity } from './producer.js'
import { topicGone } from './write-failure.js'

const INIT_PRODUCER_ID = { api: 22, version: 1, flexibleVersion: 5 } as const
const ADD_PARTITIONS = { api: 24, version: 1 } as const
const END_TXN = { api: 26, version: 1, flexibleVersion: 5 } as const
const FIRST_RETRY_MS = 1
const LAST_RETRY_MS = 100
const TRIES = 300
/** Of topics that may be too new to be known everywhere. */
const UNKNOWN_TRIES = 50

/** What an answer says: a code, and the topic that it is about. */
type Verdict = readonly [code: number, topic?: string]

/** Speaks with the coordinator of one transactional id. */
export class TransactionCoordinator {
  readonly #cluster: KafkaCluster
  readonly #id: string
  readonly #timeoutMs: number
  /** Whether a transaction ends with a new epoch, and Produce adds its partitions itself (KIP-890 part 2). */
  readonly isSecondVersion: boolean
  #node: number | undefined

  constructor(cluster: KafkaCluster, id: string, timeoutMs: number, isSecondVersion: boolean) {
    this.#cluster = cluster
    this.#id = id
    this.#timeoutMs = timeoutMs
    this.isSecondVersion = isSecondVersion
  }

  /** Fences every producer of this id, ends its transaction, and begins a new epoch. */
  async init(): Promise<Identity> {
    const flexible = this.isSecondVersion
    const body = new RequestWriter()
    if (flexible) body.compactString(this.#id).int32(this.#timeoutMs).int64(-1).int16(-1).tags()
    else body.string(this.#id).int32(this.#timeoutMs)
    let identity: Identity = { id: -1, epoch: -1 }
    await this.#ask(
      INIT_PRODUCER_ID.api,
      flexible ? INIT_PRODUCER_ID.flexibleVersion : INIT_PRODUCER_ID.version,
      flexible,
      body.take(),
      'InitProducerId',
      true,
      (response) => {
        response.int32()
        const code = response.int16()
        identity = { id: response.int64(), epoch: response.int16() }
        return [code]
      },
    )
    return identity
  }

  /** Tells which partitions the transaction writes to; the newer protocol does so with Produce. */
  async add({ id, epoch }: Identity, partitions: ReadonlyMap<string, ReadonlySet<number>>): Promise<void> {
    if (this.isSecondVersion) return
    const body = new RequestWriter().string(this.#id).int64(id).int16(epoch)
    body.array([...partitions], ([topic, numbers]) => {
      body.string(topic)
      body.array([...numbers], (partition) => body.int32(partition))
    })
    await this.#ask(
      ADD_PARTITIONS.api,
      ADD_PARTITIONS.version,
      false,
      body.take(),
      'AddPartitionsToTxn',
      true,
      (response) => {
        response.int32()
        let worst: Verdict = [CODE.NONE]
        response.array(() => {
          const topic = response.string() ?? ''
          response.array(() => {
            response.int32()
            const code = response.int16()
            const isCause = worst[0] === CODE.NONE || worst[0] === CODE.OPERATION_NOT_ATTEMPTED
            if (code !== CODE.NONE && isCause) worst = [code, topic]
          })
        })
        return worst
      },
    )
    failpoint('commit.partitions-added')
  }

  /**
   * Commits. Answers the identity of the next transaction.
   *
   * @param sent called when the request may have reached the coordinator: from then on the outcome is not known without an answer
   */
  async commit(identity: Identity, sent: () => void): Promise<Identity> {
    const flexible = this.isSecondVersion
    const body = new RequestWriter()
    if (flexible) body.compactString(this.#id).int64(identity.id).int16(identity.epoch).int8(1).tags()
    else body.string(this.#id).int64(identity.id).int16(identity.epoch).int8(1)
    let next = identity
    const bytes = body.take()
    sent()
    await this.#ask(
      END_TXN.api,
      flexible ? END_TXN.flexibleVersion : END_TXN.version,
      flexible,
      bytes,
      'EndTxn',
      false,
      (response) => {
        response.int32()
        const code = response.int16()
        if (flexible) next = { id: response.int64(), epoch: response.int16() }
        return [code]
      },
    )
    return next
  }

  /** Asks until the coordinator is there and the previous transaction is complete. */
  async #ask(
    api: number,
    version: number,
    flexible: boolean,
    body: Buffer,
    name: string,
    mayRepeat: boolean,
    parse: (response: ResponseReader) => Verdict,
  ): Promise<void> {
    let wait = FIRST_RETRY_MS
    for (let tries = 1; ; tries++) {
      this.#node ??= await this.#cluster.coordinatorOf('transaction', this.#id)
      let code: number
      let topic: string | undefined
      try {
        ;[code, topic] = parse(
          await this.#cluster.request(this.#node, 'transactions', { api, version, flexible, parts: [body] }),
        )
      } catch (error) {
        this.#node = undefined
        if (!mayRepeat || tries === TRIES || (isJoineryError(error) && !error.retriable)) throw error
        code = CODE.COORDINATOR_NOT_AVAILABLE
      }
      if (code === CODE.NONE) return
      if (isCoordinatorMoved(code)) this.#node = undefined
      const isUnknown = code === CODE.UNKNOWN_TOPIC_OR_PARTITION
      if (isUnknown && topic !== undefined && tries >= UNKNOWN_TRIES)
        throw topicGone(topic, new ProtocolError(code, name, topic))
      const isTransient = isCoordinatorMoved(code) || code === CODE.CONCURRENT_TRANSACTIONS || isUnknown
      if (!isTransient || tries === TRIES) throw new ProtocolError(code, `${name} of ${this.#id}`, topic)
      await sleep(this.#cluster.clock, code === CODE.CONCURRENT_TRANSACTIONS ? wait : LAST_RETRY_MS)
      wait = Math.min(wait * 2, LAST_RETRY_MS)
    }
  }
}
