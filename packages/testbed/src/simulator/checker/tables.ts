import type { TableView } from '@joinery/core'
import type { Instance, Surroundings } from '../machines/instance.js'
import type { SimRow } from '../scenario/values.js'
import type { World } from '../world.js'
import { TableHistory } from './table-history.js'
import type { Violation } from './violation.js'

const MOST_STEPS = 100_000
const TRIES = 20
const RETRY_MS = 500

/** I6: rows that an application still has though they were deleted, or has not though they are there. */
export async function tablesAreTheirTopics(
  { world, cluster, scenario }: Surroundings,
  instances: readonly Instance[],
): Promise<Violation[]> {
  const law = 'I6 tables are what their topics say'
  const violations: Violation[] = []
  for (const { name } of scenario.tables) {
    const expected = new Map<string, readonly (string | undefined)[]>()
    for (const { partition, end } of cluster.partitionsOf(name)) {
      const history = new TableHistory(cluster, name, partition)
      for (const key of history.keys) {
        const rows = history.rowsAt(key, end, world.now)
        expected.set(
          key,
          rows.map((row) => row && JSON.stringify(row)),
        )
      }
    }
    const found = new Map<string, string>()
    for (const instance of instances) {
      const view = instance.viewOf(name)
      if (view === undefined) continue
      const failure = await readAll(world, view, found)
      if (failure !== undefined)
        violations.push({ law, text: `${name} cannot be read from ${instance.name}: ${failure.message}` })
    }
    for (const [key, rows] of expected)
      if (!rows.includes(found.get(key)))
        violations.push({ law, text: `${name} has ${found.get(key)} for ${key}, not ${rows.join(' or ')}` })
  }
  return violations
}

/** Answers what it failed with, tried again for a while. */
async function readAll(
  world: World,
  view: TableView<string, SimRow>,
  into: Map<string, string>,
): Promise<Error | undefined> {
  let failure: Error | undefined
  for (let tries = 0; tries < TRIES; tries++) {
    let isDone = false
    const read = async () => {
      for await (const [key, row] of view.entries()) into.set(key, JSON.stringify(row))
    }
    const reading = read()
      .then(() => undefined)
      .catch((error: Error) => error)
      .finally(() => {
        isDone = true
      })
    await world.run(() => isDone, MOST_STEPS)
    failure = await reading
    if (failure === undefined) return undefined
    const later = world.now + RETRY_MS
    await world.run(() => world.now > later, MOST_STEPS)
  }
  return failure
}
