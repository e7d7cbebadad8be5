import type { Random } from '../simulator/random.js'
import { type Rebalance, taskPauses } from './rebalance-pauses.js'
import { Scenario, SESSION_MS } from './scenario.js'
import type { PartResult } from './statistics.js'
import type { TestEnvironment } from './test-environment.js'
import type { WorkerProcess } from './worker/worker-process.js'

const PER_SECOND = 250
const PARTITIONS = 5
const SETTLE_MS = 45_000
/** A transaction that is open this long after a kill is the killed one: living instances have committed theirs by then. */
const OPEN_TRANSACTION_MS = 500
/** By then, the group has removed a frozen member. */
const FREEZE_MS = SESSION_MS + 1_500
/** A third instance is stopped within one of its first commits, up to this number. */
const MAX_COMMITS = 40
/** How long three instances run before one of them is killed. */
const MAX_RUN_MS = 1_500

const KILLS_IN_TRANSACTION = 5
const KILLS_ANYWHERE = 5
const LEAVES = 5
const FREEZES_IN_TRANSACTION = 2
const FREEZES_ANYWHERE = 1

/** The rounds of the test. In each, a third instance joins two others, and is then killed, stopped or frozen. */
class GroupRounds {
  readonly #scenario: Scenario
  readonly #random: Random
  readonly rebalances: Rebalance[] = []
  readonly hits = { kills: 0, open: 0, joined: 0, left: 0, frozen: 0, frozenInTransaction: 0 }

  constructor(scenario: Scenario, random: Random) {
    this.#scenario = scenario
    this.#random = random
  }

  /** Kills the third instance between Produce and EndTxn. */
  async killInTransaction(): Promise<void> {
    const point = this.#random.pick(['request.sent/0', 'commit.produced'])
    const third = await this.#scenario.start({ failpoint: this.#at(point) })
    await this.#waitForEnd(third)
    if (third.failpoint !== undefined) await this.#afterKill()
  }

  /** Kills one of three instances, whatever it is doing. */
  async killAnywhere(): Promise<void> {
    await this.#join()
    await this.#scenario.pause(this.#random.between(0, MAX_RUN_MS))
    await this.#random.pick(this.#scenario.responsive).kill()
    await this.#afterKill()
  }

  async leave(): Promise<void> {
    await this.#join()
    if (await this.#rebalance(() => this.#random.pick(this.#scenario.responsive).stop())) this.hits.left++
  }

  /** Freezes an instance with a transaction open for longer than its session, and then lets it continue. */
  async freezeInTransaction(): Promise<void> {
    const third = await this.#scenario.start({ failpoint: `${this.#at('commit.produced')}:SIGSTOP` })
    const isThere = await this.#scenario.waitFor('it is frozen', () => third.failpoint !== undefined, SETTLE_MS)
    if (!isThere) return
    if (await this.#freezeUntilReplaced(third)) this.hits.frozenInTransaction++
  }

  /** Freezes an instance, whatever it is doing. */
  async freezeAnywhere(): Promise<void> {
    await this.#join()
    await this.#scenario.pause(this.#random.between(0, MAX_RUN_MS))
    await this.#freezeUntilReplaced(this.#random.pick(this.#scenario.responsive))
  }

  /** Goes back to two instances. */
  async backToTwo(): Promise<void> {
    const { responsive } = this.#scenario
    for (const worker of responsive.slice(2)) await worker.stop()
    for (let missing = 2 - responsive.length; missing > 0; missing--) await this.#scenario.start()
    await this.#scenario.untilRebalanced('two instances run all tasks')
  }

  async #freezeUntilReplaced(worker: WorkerProcess): Promise<boolean> {
    const scenario = this.#scenario
    const unfreeze = worker.freeze()
    scenario.note(`${worker.name} is frozen`)
    await this.#scenario.pause(FREEZE_MS)
    const isReplaced = await this.#scenario.untilRebalanced('the others have its tasks')
    scenario.note(`${worker.name} continues`)
    unfreeze()
    const isBack = await this.#scenario.untilRebalanced('it has rejoined')
    if (isReplaced && isBack) this.hits.frozen++
    return isReplaced && isBack
  }

  async #afterKill(): Promise<void> {
    this.hits.kills++
    const { view } = this.#scenario
    const first = await view.openTransactions()
    await this.#scenario.pause(OPEN_TRANSACTION_MS)
    const then = await view.openTransactions()
    if (first.some((offset, task) => offset !== undefined && offset === then[task])) this.hits.open++
    await this.#scenario.untilRebalanced('the others have its tasks')
  }

  async #join(): Promise<void> {
    if (await this.#rebalance(() => this.#scenario.start())) this.hits.joined++
  }

  async #rebalance(change: () => Promise<unknown>): Promise<boolean> {
    const { owners: before = new Map() } = this.#scenario
    const from = Date.now()
    await change()
    const isSettled = await this.#scenario.untilRebalanced('the group has a new assignment')
    const { owners: after, assignedAt: to } = this.#scenario
    if (after !== undefined) this.rebalances.push({ from, to, before, after })
    return isSettled
  }

  async #waitForEnd(worker: WorkerProcess): Promise<void> {
    const timer = setTimeout(() => worker.kill(), SETTLE_MS)
    await worker.ended
    clearTimeout(timer)
  }

  #at(point: string): string {
    return `${point}@${this.#random.between(1, MAX_COMMITS)}`
  }
}

/** Instances of one group join, leave, are killed, and are frozen for longer than their session. Dead members are not evicted. */
export async function group(environment: TestEnvironment, random: Random): Promise<PartResult> {
  const options = { name: 'group', perSecond: PER_SECOND, partitions: PARTITIONS }
  const scenario = await Scenario.begin(environment, random, options)
  const rounds = new GroupRounds(scenario, random)
  const all = {
    killInTransaction: KILLS_IN_TRANSACTION,
    killAnywhere: KILLS_ANYWHERE,
    leave: LEAVES,
    freezeInTransaction: FREEZES_IN_TRANSACTION,
    freezeAnywhere: FREEZES_ANYWHERE,
  }
  try {
    await rounds.backToTwo()
    const order = Object.entries(all).flatMap(([round, times]) => Array<keyof typeof all>(times).fill(round as never))
    for (const round of random.shuffled(order)) {
      scenario.note(`round: ${round}`)
      await rounds[round]()
      await rounds.backToTwo()
    }
    const verdict = await scenario.end()
    const { hits, rebalances } = rounds
    const { moved, stayed } = taskPauses(rebalances, verdict.commits)
    return {
      verdicts: [verdict],
      hits: [
        { what: 'killed in a group', times: hits.kills, atLeast: 10, open: hits.open, atLeastOpen: 4 },
        { what: 'an instance joined', times: hits.joined, atLeast: LEAVES },
        { what: 'an instance left', times: hits.left, atLeast: LEAVES },
        { what: 'frozen for longer than its session', times: hits.frozen, atLeast: 3 },
        { what: 'of them with a transaction open', times: hits.frozenInTransaction, atLeast: FREEZES_IN_TRANSACTION },
      ],
      times: {
        'pause of tasks that move in a rebalance': moved,
        'pause of tasks that stay in a rebalance': stayed,
      },
    }
  } finally {
    await scenario.abort()
  }
}
