import type { Random } from '../simulator/random.js'
import { labelOf, type Point } from './points.js'
import { Scenario } from './scenario.js'
import type { PartResult } from './statistics.js'
import type { TestEnvironment } from './test-environment.js'
import type { StoreLocation } from './worker/worker-stores.js'

const KILLS = 3
const PER_SECOND = 250
const PARTITIONS = 3
/** If a point is not reached within this time, it does not count. */
const REACH_MS = 45_000
/** The minimum number of kills for each location of stores. */
const MIN_KILLS_PER_LOCATION = 5

/** Kills a single worker at each point several times, and evicts it, so that the next one need not wait for its session to expire. */
export async function killMatrix(
  environment: TestEnvironment,
  name: string,
  points: readonly Point[],
  random: Random,
): Promise<PartResult> {
  const scenario = await Scenario.begin(environment, random, { name, perSecond: PER_SECOND, partitions: PARTITIONS })
  const hits = new Map(points.map((point) => [point, { kills: 0, open: 0 }]))
  const killed = new Map(environment.storeLocations.map((location) => [location, 0]))
  try {
    // makes sure that there is something to restore from the first kill on
    const first = await scenario.start()
    await scenario.waitFor('the first worker is running', () => scenario.isRunning(), REACH_MS)
    await first.stop()
    const order = points.flatMap((point) => Array.from({ length: point.kills ?? KILLS }, () => point))
    for (const point of random.shuffled(order)) {
      const hit = hits.get(point) as { kills: number; open: number }
      const location = point.fromEmpty ? 'in memory' : random.pick(environment.storeLocations)
      const end = await killAt(scenario, point, location, random)
      if (end === undefined) continue
      hit.kills++
      killed.set(location, (killed.get(location) as number) + 1)
      if (end.isOpen) hit.open++
    }
    const verdict = await scenario.end()
    return {
      verdicts: [verdict],
      hits: [
        ...[...hits].map(([point, { kills, open }]) => ({ what: labelOf(point), times: kills, open, atLeast: KILLS })),
        ...[...killed].map(([location, times]) => ({
          what: `of them with stores ${location}`,
          times,
          atLeast: MIN_KILLS_PER_LOCATION,
        })),
      ],
    }
  } finally {
    await scenario.abort()
  }
}

/** @returns whether a transaction was open; `undefined` if the worker was not killed at the point */
async function killAt(
  scenario: Scenario,
  point: Point,
  location: StoreLocation,
  random: Random,
): Promise<{ readonly isOpen: boolean } | undefined> {
  const api = point.api === undefined ? '' : `/${point.api}`
  const failpoint = `${point.name}${api}@${random.between(1, point.maxPasses)}`
  const worker = await scenario.start({ failpoint, location })
  const timer = setTimeout(() => worker.kill(), REACH_MS)
  await point.provoke?.(scenario, worker)
  await worker.ended
  clearTimeout(timer)
  const isOpen = await scenario.view.isTransactionOpen()
  await scenario.evict(worker)
  // the next worker must be alone again, so the helpers take over first and stop then
  for (const helper of scenario.alive) {
    await scenario.waitFor('the helper has all tasks', () => scenario.isRunning(), REACH_MS)
    await helper.stop()
  }
  return worker.failpoint === undefined ? undefined : { isOpen }
}
