import { type Call, notSent } from '@joinery/core'
import type { Network } from '../brokers/network.js'
import type { EventLoop } from '../event-loop.js'
import type { SimProcess } from '../machines/sim-process.js'
import type { Random } from '../random.js'
import type { ServiceFaultRates, SimCalls } from '../scenario/call-scenario.js'
import { hasLongReply, type SimReply, type SimRequest } from '../scenario/call-values.js'
import { PADDING } from '../scenario/values.js'
import { type Attempt, RequestLedger } from './request-ledger.js'

const CONNECT_MS = 20
const TRANSIT_MS = 10
const CONNECT_TIMEOUT_MS = 2_000
const STATUSES = [200, 200, 200, 201, 404, 500] as const
const NO_FAULTS: ServiceFaultRates = { refused: 0, lost: 0, reset: 0, hung: 0, ignoresSignal: 0, latencyMs: 20 }

/** The fate of a request that was sent. */
interface Response {
  readonly afterMs: number
  /** `undefined` if the connection breaks. */
  readonly status: number | undefined
}

/** The external service and the function that calls it. The service does not detect duplicates: each request that it receives counts. */
export class SimService {
  readonly ledger: RequestLedger = new RequestLedger()
  readonly #eventLoop: EventLoop
  readonly #network: Network
  readonly #random: Random
  readonly #timeoutMs: number
  #faultRates: ServiceFaultRates
  /** It accepts no connections. */
  isDown = false
  /** Its replies take very long. */
  isHanging = false
  /** It breaks each connection after it has received the request. */
  isResetting = false

  constructor(eventLoop: EventLoop, network: Network, { service, timeoutMs }: SimCalls, random: Random) {
    this.#eventLoop = eventLoop
    this.#network = network
    this.#random = random
    this.#timeoutMs = timeoutMs
    this.#faultRates = service
  }

  /** Ends all of its faults. */
  heal(): void {
    this.#faultRates = { ...NO_FAULTS, latencyMs: this.#faultRates.latencyMs }
    this.isDown = false
    this.isHanging = false
    this.isResetting = false
  }

  /** Makes one request, as a client that knows whether it has sent anything. */
  async send(process: SimProcess, request: SimRequest, call: Call<string | null>): Promise<SimReply> {
    const { id, claimedAt, idempotencyKey, record } = call
    const body = JSON.stringify([record.key, request])
    const begunAt = this.#eventLoop.now
    const attempt = this.ledger.begin({
      id,
      attempt: call.attempt,
      claimedAt,
      idempotencyKey,
      body,
      process: process.name,
      begunAt,
    })
    const signal = this.#random.chance(this.#faultRates.ignoresSignal) ? undefined : call.signal
    const finish = (how: Exclude<Attempt['ended'], undefined>) => {
      attempt.settledAt = this.#eventLoop.now
      attempt.ended = how
    }
    try {
      await this.#connect(process, signal)
    } catch (cause) {
      finish('not sent')
      throw notSent(cause)
    }
    try {
      const status = await this.#exchange(process, attempt, signal)
      finish('answered')
      return { number: request.number, status, pad: hasLongReply(request.number) ? PADDING : '' }
    } catch (error) {
      finish('unknown')
      throw error
    }
  }

  async #connect(process: SimProcess, signal: AbortSignal | undefined): Promise<void> {
    const isRefused = this.#random.chance(this.#faultRates.refused)
    await this.#wait(this.#random.next() * CONNECT_MS, `${process.name} connects to the service`, process, signal)
    if (this.#network.partitioned.has(process.name))
      await this.#wait(CONNECT_TIMEOUT_MS, `${process.name} cannot connect to the service`, process, signal)
    else if (!isRefused && !this.isDown) return
    throw new Error('the service cannot be reached')
  }

  async #exchange(process: SimProcess, attempt: Attempt, signal: AbortSignal | undefined): Promise<number> {
    this.#eventLoop.note(`${process.name} sends the request of ${attempt.id}`)
    attempt.sentAt = this.#eventLoop.now
    const { afterMs, status } = this.#respond(process, attempt)
    await this.#wait(afterMs, `${process.name} receives the reply for ${attempt.id}`, process, signal)
    if (status === undefined || this.#network.partitioned.has(process.name)) throw new Error('the connection broke')
    return status
  }

  /** A request in transit is received, whatever happens to its sender. */
  #respond(process: SimProcess, attempt: Attempt): Response {
    const random = this.#random
    const { lost, reset, hung, latencyMs } = this.#faultRates
    const transitMs = random.next() * TRANSIT_MS
    if (random.chance(lost) || this.#network.partitioned.has(process.name))
      return { afterMs: transitMs * 10, status: undefined }
    const status = random.pick(STATUSES)
    this.#eventLoop.schedule(transitMs, `the service receives the request of ${attempt.id}`, () => {
      attempt.receivedAt = this.#eventLoop.now
      attempt.status = status
    })
    const isReset = random.chance(reset) || this.isResetting
    // longer than the timeout of a call, and sometimes longer than an owner waits for a claimant's report
    const isSlow = random.chance(hung) || this.isHanging
    const workMs = isSlow ? random.between(this.#timeoutMs / 2, this.#timeoutMs * 5) : random.next() * 2 * latencyMs
    return { afterMs: 2 * transitMs + workMs, status: isReset ? undefined : status }
  }

  #wait(ms: number, label: string, process: SimProcess, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const aborted = () => {
        cancel()
        reject(signal?.reason)
      }
      const elapsed = () => {
        signal?.removeEventListener('abort', aborted)
        resolve()
      }
      const cancel = this.#eventLoop.schedule(ms, label, elapsed, process)
      signal?.addEventListener('abort', aborted, { once: true })
    })
  }
}
