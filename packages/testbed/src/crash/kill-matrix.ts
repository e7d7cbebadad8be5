import type { Random } from '../simulator/random.js'
import type { Part } from './figures.js'
import { labelOf, type Point } from './points.js'
import { Scenario } from './scenario.js'
import type { Stage } from './stage.js'
import type { Kept } from './worker/worker-stores.js'

const KILLS = 3
const PER_SECOND = 250
const PARTITIONS = 3
/** A point that is not reached within this is not reached. */
const REACH_MS = 45_000
/** Of kills, for each kind of stores. */
const LEAST_KEPT = 5

/** Kills a single worker at each point several times, and starts it again at once: nobody waits for a session to end. */
export async function killMatrix(stage: Stage, name: string, points: readonly Point[], random: Random): Promise<Part> {
  const scenario = await Scenario.begin(stage, random, { name, perSecond: PER_SECOND, partitions: PARTITIONS })
  const hits = new Map(points.map((point) => [point, { kills: 0, open: 0 }]))
  const killed = new Map(stage.kept.map((kept) => [kept, 0]))
  try {
    // from the first kill on there is something to restore
    const first = await scenario.start()
    await scenario.until('the first worker runs', () => scenario.isRunning(), REACH_MS)
    await first.stop()
    const order = points.flatMap((point) => Array.from({ length: point.kills ?? KILLS }, () => point))
    for (const point of random.shuffled(order)) {
      const hit = hits.get(point) as { kills: number; open: number }
      const kept = point.fromEmpty ? 'in memory' : random.pick(stage.kept)
      const end = await killAt(scenario, point, kept, random)
      if (end === undefined) continue
      hit.kills++
      killed.set(kept, (killed.get(kept) as number) + 1)
      if (end.isOpen) hit.open++
    }
    const verdict = await scenario.end()
    return {
      verdicts: [verdict],
      hits: [
        ...[...hits].map(([point, { kills, open }]) => ({ what: labelOf(point), times: kills, open, least: KILLS })),
        ...[...killed].map(([kept, times]) => ({ what: `of them with stores ${kept}`, times, least: LEAST_KEPT })),
      ],
    }
  } finally {
    await scenario.abandon()
  }
}

/** Answers whether a transaction was open; `undefined`: it was not killed there. */
async function killAt(
  scenario: Scenario,
  point: Point,
  kept: Kept,
  random: Random,
): Promise<{ readonly isOpen: boolean } | undefined> {
  const api = point.api === undefined ? '' : `/${point.api}`
  const failpoint = `${point.name}${api}@${random.between(1, point.most)}`
  const worker = await scenario.start({ failpoint, kept })
  const late = setTimeout(() => worker.kill(), REACH_MS)
  await point.provoke?.(scenario, worker)
  await worker.ended
  clearTimeout(late)
  const isOpen = await scenario.view.isTransactionOpen()
  await scenario.evict(worker)
  // whoever helped to get there has its share; the next one is alone again
  for (const helper of scenario.alive) {
    await scenario.until('the helper has everything', () => scenario.isRunning(), REACH_MS)
    await helper.stop()
  }
  return worker.failpoint === undefined ? undefined : { isOpen }
}
