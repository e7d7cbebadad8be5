import type { Clock, Timer } from '@joinery/core'
import { EPOCH } from '../brokers/broker-time.js'
import type { EventLoop, EventOwner } from '../event-loop.js'
import type { Random } from '../random.js'

/** Simulated milliseconds between two reads of the clock: no two reads return the same time. */
const CLOCK_READ_MS = 0.02
/** The shortest timer of Node, and the most that a timer may run early. */
export const TIMER_MS = 1

/** A process on a simulated machine. It can be killed and paused, and its wall clock may be wrong. */
export class SimProcess implements EventOwner {
  readonly name: string
  readonly eventLoop: EventLoop
  /** How far its wall clock is ahead, in milliseconds. */
  clockAheadMs = 0
  readonly #random: Random
  /** When it last read its clock. */
  #lastReadAt = 0
  #isAlive = true
  #isStopped = false
  /** While a function runs, nothing else does. */
  #isBlocked = false
  #blockedUntil = 0
  #deferred: (() => void)[] = []
  #killInStoreCommit: (() => void) | undefined
  #plannedStep: { stepsLeft: number; readonly act: () => void } | undefined
  #plannedEndTxn: (() => void) | undefined
  readonly clock: Clock
  /** Any number of random bytes. */
  readonly randomBytes: (size: number) => Uint8Array

  constructor(eventLoop: EventLoop, name: string) {
    this.eventLoop = eventLoop
    this.name = name
    this.#random = eventLoop.random.fork()
    this.randomBytes = (size) => Uint8Array.from({ length: size }, () => eventLoop.uniqueBytes.between(0, 255))
    this.clock = {
      now: () => Math.floor(EPOCH + this.#readClock() + this.clockAheadMs),
      monotonic: () => this.#readClock(),
      setTimeout: (run, ms): Timer => {
        const delayMs = Math.max(ms, TIMER_MS) - TIMER_MS * this.#random.next()
        return { cancel: eventLoop.schedule(delayMs, `${name} timer`, run, this) }
      },
      yieldToEventLoop: () => this.#yield(),
    }
  }

  /** After a function that has blocked the process, what has become due meanwhile comes first, as timers do in Node. */
  #yield(): Promise<void> {
    const sleep = () => this.eventLoop.sleep(0, `${this.name} yields`, this)
    return this.#isBlocked ? sleep().then(sleep) : sleep()
  }

  #readClock(): number {
    this.#lastReadAt = Math.max(this.#lastReadAt + CLOCK_READ_MS, this.eventLoop.now)
    return this.#lastReadAt
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  get isPaused(): boolean {
    return this.#isStopped || this.#isBlocked
  }

  defer(event: () => void): void {
    this.#deferred.push(event)
  }

  /** Calls `act` before one of the next steps, that is, between any two steps. */
  beforeStep(stepsLeft: number, act: () => void): void {
    this.#plannedStep = { stepsLeft, act }
  }

  /** Calls `act` before its next EndTxn is processed, that is, before the outcome of a commit is decided. */
  beforeEndTxn(act: () => void): void {
    this.#plannedEndTxn = act
  }

  /** Its EndTxn has arrived. */
  onEndTxn(): void {
    const act = this.#plannedEndTxn
    this.#plannedEndTxn = undefined
    act?.()
  }

  /** Calls `kill` when a store has written part of a commit. */
  killInStoreCommit(kill: () => void): void {
    this.#killInStoreCommit = kill
  }

  /**
   * Called when a store is about to write another change of a commit.
   *
   * @returns whether it still can
   */
  mayWrite(): boolean {
    const kill = this.#killInStoreCommit
    if (kill === undefined || this.eventLoop.random.chance(0.7)) return true
    this.#killInStoreCommit = undefined
    kill()
    return this.#isAlive
  }

  onStep(): void {
    const plannedStep = this.#plannedStep
    if (plannedStep === undefined || --plannedStep.stepsLeft > 0) return
    this.#plannedStep = undefined
    plannedStep.act()
  }

  /** SIGKILL: everything that it is waiting for is lost. */
  kill(): void {
    this.#isAlive = false
    this.#deferred = []
  }

  /** SIGSTOP. */
  pause(): void {
    this.#isStopped = true
  }

  /** The function that runs now takes this long, and nothing else happens in the process meanwhile. */
  block(ms: number): void {
    this.eventLoop.spend(ms)
    this.#blockedUntil = this.eventLoop.now
    this.#isBlocked = true
    this.eventLoop.schedule(0, `${this.name} is no longer blocked`, () => {
      if (this.eventLoop.now < this.#blockedUntil) return
      this.#isBlocked = false
      this.#deliver()
    })
  }

  /** SIGCONT. */
  resume(): void {
    this.#isStopped = false
    this.#deliver()
  }

  /** Everything that arrived in the meantime is delivered at once. */
  #deliver(): void {
    if (this.isPaused) return
    for (const event of this.#deferred.splice(0)) this.eventLoop.schedule(0, `${this.name} resumes`, event, this)
  }
}
