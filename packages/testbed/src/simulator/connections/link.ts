import type { Network } from '../brokers/network.js'
import type { EventLoop } from '../event-loop.js'
import type { SimProcess } from '../machines/sim-process.js'

/** A message in transit. */
interface Message {
  readonly label: string
  readonly arrive: () => void
}

type Destination = 'broker' | 'client'

/** How long a message waits that could not pass, before it is sent again. */
const RETRANSMIT_MS = [100, 1_000] as const
/** A broken connection is noticed soon, or only by a timeout. */
const BROKEN_MS = 50
const IS_NOTICED = 0.7

/**
 * A connection between a process and a broker, as the network sees it. Messages of one direction arrive in their order. A lost
 * message breaks the connection, but what is in transit may still arrive, long after the sender has given up.
 */
export class Link {
  readonly #eventLoop: EventLoop
  readonly #network: Network
  readonly #process: SimProcess
  readonly #reset: () => void
  readonly #lastAt = { broker: 0, client: 0 }
  /** Messages that are sent again, because they could not pass. */
  readonly #held: Readonly<Record<Destination, Message[]>> = { broker: [], client: [] }
  #isBroken = false

  /** @param reset notifies the process that the connection is broken */
  constructor(network: Network, process: SimProcess, reset: () => void) {
    this.#eventLoop = process.eventLoop
    this.#network = network
    this.#process = process
    this.#reset = reset
  }

  send(to: Destination, message: Message): void {
    const { random } = this.#eventLoop
    if (this.#isBroken) return
    if (this.#held[to].length > 0) this.#held[to].push(message)
    else if (this.#network.isBlocked(this.#process, to)) {
      if (random.chance(0.5)) {
        this.#isBroken = true // silently
        return
      }
      this.#held[to].push(message)
      this.#sendLater(to)
    } else if (random.chance(this.#network.lossRate)) {
      this.break()
      // what was sent over a connection that broke may still be in transit
      if (to === 'broker' && random.chance(0.5)) this.#transmit(to, message)
    } else this.#transmit(to, message)
  }

  /** Sends a request with which the connection breaks, and which arrives long after. */
  sendLate({ label, arrive }: Message): void {
    if (this.#isBroken) return
    this.break()
    this.#network.lateRequests.add(this.#process.name, label, arrive)
  }

  /** Nothing more passes. The process notices that soon, or does not. */
  break(): void {
    this.#isBroken = true
    const { random } = this.#eventLoop
    if (!random.chance(IS_NOTICED)) return
    const label = `${this.#process.name} loses a connection`
    this.#eventLoop.schedule(random.next() * BROKEN_MS, label, this.#reset, this.#process)
  }

  #transmit(to: Destination, { label, arrive }: Message): void {
    const { now } = this.#eventLoop
    const at = Math.max(this.#lastAt[to], now + this.#network.latency())
    this.#lastAt[to] = at
    this.#eventLoop.schedule(at - now, label, arrive, to === 'client' ? this.#process : undefined)
  }

  #sendLater(to: Destination): void {
    const { name } = this.#process
    this.#eventLoop.schedule(this.#eventLoop.random.between(...RETRANSMIT_MS), `${name} sends again`, () => {
      if (this.#network.isBlocked(this.#process, to)) this.#sendLater(to)
      else for (const message of this.#held[to].splice(0)) this.#transmit(to, message)
    })
  }
}
