import type { Random } from '../simulator/random.js'
import type { Part } from './figures.js'
import { type Rebalance, silences } from './rebalance-silence.js'
import { Scenario, SESSION_MS } from './scenario.js'
import type { Stage } from './stage.js'
import type { WorkerProcess } from './worker/worker-process.js'

const PER_SECOND = 250
const PARTITIONS = 5
const SETTLE_MS = 45_000
/** How long after a kill a transaction is looked at again: those of the living have gone on by then. */
const STUCK_MS = 500
/** By then the group has given a frozen member up. */
const ZOMBIE_MS = SESSION_MS + 1_500
/** So many commits, a third instance has to have made at most, before it is stopped within one. */
const MOST_COMMITS = 40
/** How long three instances run before one of them is killed anywhere. */
const MOST_RUN_MS = 1_500

const KILLED_OPEN = 5
const KILLED_ANYWHERE = 5
const LEFT = 5
const FROZEN_OPEN = 2
const FROZEN_ANYWHERE = 1

/** What a group goes through: a third instance joins two others, and then this happens. */
class Rounds {
  readonly #scenario: Scenario
  readonly #random: Random
  readonly rebalances: Rebalance[] = []
  readonly hits = { kills: 0, open: 0, joined: 0, left: 0, frozen: 0, frozenOpen: 0 }

  constructor(scenario: Scenario, random: Random) {
    this.#scenario = scenario
    this.#random = random
  }

  /** Killed between Produce and EndTxn, wherever the others are. */
  async killedOpen(): Promise<void> {
    const point = this.#random.pick(['request.sent/0', 'commit.produced'])
    const third = await this.#scenario.start({ failpoint: this.#at(point) })
    await this.#ended(third)
    if (third.failpoint !== undefined) await this.#killed()
  }

  /** Killed wherever it is: one of three. */
  async killedAnywhere(): Promise<void> {
    await this.#join()
    await this.#scenario.pause(this.#random.between(0, MOST_RUN_MS))
    await this.#random.pick(this.#scenario.awake).kill()
    await this.#killed()
  }

  async left(): Promise<void> {
    await this.#join()
    if (await this.#rebalance(() => this.#random.pick(this.#scenario.awake).stop())) this.hits.left++
  }

  /** Frozen with a transaction open, for longer than its session; then it goes on as if nothing had been. */
  async frozenOpen(): Promise<void> {
    const third = await this.#scenario.start({ failpoint: `${this.#at('commit.produced')}:SIGSTOP` })
    const isThere = await this.#scenario.until('it is frozen', () => third.failpoint !== undefined, SETTLE_MS)
    if (!isThere) return
    if (await this.#thawedLate(third)) this.hits.frozenOpen++
  }

  /** Frozen wherever it is. */
  async frozenAnywhere(): Promise<void> {
    await this.#join()
    await this.#scenario.pause(this.#random.between(0, MOST_RUN_MS))
    await this.#thawedLate(this.#random.pick(this.#scenario.awake))
  }

  /** Back to two: whoever is too many leaves. */
  async two(): Promise<void> {
    const { awake } = this.#scenario
    for (const worker of awake.slice(2)) await worker.stop()
    for (let missing = 2 - awake.length; missing > 0; missing--) await this.#scenario.start()
    await this.#scenario.settled('two run everything')
  }

  async #thawedLate(worker: WorkerProcess): Promise<boolean> {
    const scenario = this.#scenario
    const thaw = worker.freeze()
    scenario.note(`${worker.name} is frozen`)
    await this.#scenario.pause(ZOMBIE_MS)
    const isReplaced = await this.#scenario.settled('the others have its tasks')
    scenario.note(`${worker.name} goes on`)
    thaw()
    const isBack = await this.#scenario.settled('it has noticed')
    if (isReplaced && isBack) this.hits.frozen++
    return isReplaced && isBack
  }

  async #killed(): Promise<void> {
    this.hits.kills++
    const { view } = this.#scenario
    const first = await view.openTransactions()
    await this.#scenario.pause(STUCK_MS)
    const then = await view.openTransactions()
    if (first.some((offset, task) => offset !== undefined && offset === then[task])) this.hits.open++
    await this.#scenario.settled('the others have its tasks')
  }

  async #join(): Promise<void> {
    if (await this.#rebalance(() => this.#scenario.start())) this.hits.joined++
  }

  async #rebalance(change: () => Promise<unknown>): Promise<boolean> {
    const { owners: before = new Map() } = this.#scenario
    const from = Date.now()
    await change()
    const isSettled = await this.#scenario.settled('the group has its new share')
    const { owners: after, assignedAt: to } = this.#scenario
    if (after !== undefined) this.rebalances.push({ from, to, before, after })
    return isSettled
  }

  async #ended(worker: WorkerProcess): Promise<void> {
    const late = setTimeout(() => worker.kill(), SETTLE_MS)
    await worker.ended
    clearTimeout(late)
  }

  #at(point: string): string {
    return `${point}@${this.#random.between(1, MOST_COMMITS)}`
  }
}

/** Instances of one group come, go, are killed, and come back from the dead; nobody cuts their sessions short. */
export async function group(stage: Stage, random: Random): Promise<Part> {
  const options = { name: 'group', perSecond: PER_SECOND, partitions: PARTITIONS }
  const scenario = await Scenario.begin(stage, random, options)
  const rounds = new Rounds(scenario, random)
  const all = {
    killedOpen: KILLED_OPEN,
    killedAnywhere: KILLED_ANYWHERE,
    left: LEFT,
    frozenOpen: FROZEN_OPEN,
    frozenAnywhere: FROZEN_ANYWHERE,
  }
  try {
    await rounds.two()
    const order = Object.entries(all).flatMap(([round, times]) => Array<keyof typeof all>(times).fill(round as never))
    for (const round of random.shuffled(order)) {
      scenario.note(`round: ${round}`)
      await rounds[round]()
      await rounds.two()
    }
    const verdict = await scenario.end()
    const { hits, rebalances } = rounds
    const { moved, kept } = silences(rebalances, verdict.commits)
    return {
      verdicts: [verdict],
      hits: [
        { what: 'killed in a group', times: hits.kills, least: 10, open: hits.open, leastOpen: 4 },
        { what: 'an instance joined', times: hits.joined, least: LEFT },
        { what: 'an instance left', times: hits.left, least: LEFT },
        { what: 'frozen for longer than its session', times: hits.frozen, least: 3 },
        { what: 'of them with a transaction open', times: hits.frozenOpen, least: FROZEN_OPEN },
      ],
      times: {
        'silence of tasks that move in a rebalance': moved,
        'silence of tasks that stay in a rebalance': kept,
      },
    }
  } finally {
    await scenario.abandon()
  }
}
