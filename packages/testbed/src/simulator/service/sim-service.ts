import { type Call, notSent } from '@joinery/core'
import type { Network } from '../brokers/network.js'
import type { SimProcess } from '../machines/sim-process.js'
import type { Random } from '../random.js'
import type { SimCalls, SimServiceTrouble } from '../scenario/call-scenario.js'
import { isAnsweredAtLength, type SimAnswer, type SimAsk } from '../scenario/call-values.js'
import { PAD } from '../scenario/values.js'
import type { World } from '../world.js'
import { type Attempt, RequestLedger } from './request-ledger.js'

const CONNECT_MS = 20
const FLIGHT_MS = 10
const CUT_OFF_MS = 2_000
const STATUSES = [200, 200, 200, 201, 404, 500] as const
const IN_ORDER: SimServiceTrouble = { refuses: 0, loses: 0, resets: 0, hangs: 0, disobeys: 0, answersInMs: 20 }

/** What comes of a request that was sent. */
interface Answer {
  readonly afterMs: number
  /** `undefined`: the connection breaks instead. */
  readonly status: number | undefined
}

/** The external service, and the function that asks it. It knows no repetitions: each request that it reads counts. */
export class SimService {
  readonly ledger: RequestLedger = new RequestLedger()
  readonly #world: World
  readonly #network: Network
  readonly #random: Random
  readonly #timeoutMs: number
  #trouble: SimServiceTrouble
  /** It takes no connections; it answers nobody; it drops whoever has sent. */
  isDown = false
  isSilent = false
  isDropping = false

  constructor(world: World, network: Network, { service, timeoutMs }: SimCalls, random: Random) {
    this.#world = world
    this.#network = network
    this.#random = random
    this.#timeoutMs = timeoutMs
    this.#trouble = service
  }

  /** Ends all that is bad about it. */
  heal(): void {
    this.#trouble = { ...IN_ORDER, answersInMs: this.#trouble.answersInMs }
    this.isDown = false
    this.isSilent = false
    this.isDropping = false
  }

  /** Makes one request, as a client does that knows what it has not sent. */
  async ask(process: SimProcess, ask: SimAsk, call: Call<string | null>): Promise<SimAnswer> {
    const { id, attempt, claimedAt, idempotencyKey, record } = call
    const body = JSON.stringify([record.key, ask])
    const begun = { id, attempt, claimedAt, idempotencyKey, body, process: process.name, begunAt: this.#world.now }
    const made = this.ledger.begin(begun)
    const signal = this.#random.chance(this.#trouble.disobeys) ? undefined : call.signal
    const end = (how: Exclude<Attempt['ended'], undefined>) => {
      made.settledAt = this.#world.now
      made.ended = how
    }
    try {
      await this.#connect(process, signal)
    } catch (cause) {
      end('not sent')
      throw notSent(cause)
    }
    try {
      const status = await this.#exchange(process, made, signal)
      end('answered')
      return { number: ask.number, status, pad: isAnsweredAtLength(ask.number) ? PAD : '' }
    } catch (error) {
      end('unknown')
      throw error
    }
  }

  async #connect(process: SimProcess, signal: AbortSignal | undefined): Promise<void> {
    const isRefused = this.#random.chance(this.#trouble.refuses)
    await this.#wait(this.#random.next() * CONNECT_MS, `${process.name} connects to the service`, process, signal)
    if (this.#network.cut.has(process.name))
      await this.#wait(CUT_OFF_MS, `${process.name} gives up on the service`, process, signal)
    else if (!isRefused && !this.isDown) return
    throw new Error('the service cannot be reached')
  }

  async #exchange(process: SimProcess, made: Attempt, signal: AbortSignal | undefined): Promise<number> {
    this.#world.note(`${process.name} sends the request of ${made.id}`)
    made.sentAt = this.#world.now
    const { afterMs, status } = this.#answer(process, made)
    await this.#wait(afterMs, `${process.name} hears from the service of ${made.id}`, process, signal)
    if (status === undefined || this.#network.cut.has(process.name)) throw new Error('the connection broke')
    return status
  }

  /** What is on its way is read, whatever becomes of those who sent it. */
  #answer(process: SimProcess, made: Attempt): Answer {
    const random = this.#random
    const { loses, resets, hangs, answersInMs } = this.#trouble
    const flightMs = random.next() * FLIGHT_MS
    if (random.chance(loses) || this.#network.cut.has(process.name))
      return { afterMs: flightMs * 10, status: undefined }
    const status = random.pick(STATUSES)
    this.#world.after(flightMs, `the service reads the request of ${made.id}`, () => {
      made.receivedAt = this.#world.now
      made.status = status
    })
    const isReset = random.chance(resets) || this.isDropping
    // longer than the call may take, and sometimes longer than anybody waits for its claimant
    const isSlow = random.chance(hangs) || this.isSilent
    const worksMs = isSlow ? random.between(this.#timeoutMs / 2, this.#timeoutMs * 5) : random.next() * 2 * answersInMs
    return { afterMs: 2 * flightMs + worksMs, status: isReset ? undefined : status }
  }

  #wait(ms: number, label: string, process: SimProcess, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const aborted = () => {
        cancel()
        reject(signal?.reason)
      }
      const woken = () => {
        signal?.removeEventListener('abort', aborted)
        resolve()
      }
      const cancel = this.#world.after(ms, label, woken, process)
      signal?.addEventListener('abort', aborted, { once: true })
    })
  }
}
