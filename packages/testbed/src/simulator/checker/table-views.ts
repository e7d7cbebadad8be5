import type { TableView } from '@joinery/core'
import type { EventLoop } from '../event-loop.js'
import type { Instance, SimContext } from '../machines/instance.js'
import type { SimRow } from '../scenario/values.js'
import { TableHistory } from './table-history.js'
import type { Violation } from './violation.js'

const MAX_STEPS = 100_000
const RETRY_MS = 500
/** A store that has lost commits may be found only now, and a broken connection when the task is reopened: that is a request timeout. */
const MAX_TRIES = 60

/** I6: the rows that applications return are those of the topics: none is missing, and none is left that was deleted. */
export async function checkTableViews(
  { eventLoop, cluster, scenario }: SimContext,
  instances: readonly Instance[],
): Promise<Violation[]> {
  const law = 'I6 tables match their topics'
  const violations: Violation[] = []
  for (const { name } of scenario.tables) {
    const expected = new Map<string, readonly (string | undefined)[]>()
    for (const { partition, highWatermark: end } of cluster.partitionsOf(name)) {
      const history = new TableHistory(cluster, name, partition)
      for (const key of history.keys) {
        const rows = history.rowsAt(key, end, eventLoop.now)
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
      const failure = await readAll(eventLoop, view, found)
      if (failure !== undefined)
        violations.push({ law, text: `${name} cannot be read from ${instance.name}: ${failure.message}` })
    }
    const sizes = instances.map(({ app }) => app?.metrics().tables[name]?.storedBytes ?? 0)
    const stored = sizes.reduce((sum, bytes) => sum + bytes, 0)
    const bytes = [...found].reduce((sum, [key, row]) => sum + key.length + row.length, 0)
    if (stored !== bytes)
      violations.push({ law: 'I12 bounded memory', text: `${name} has ${bytes} bytes of rows, and reports ${stored}` })
    for (const [key, rows] of expected)
      if (!rows.includes(found.get(key)))
        violations.push({ law, text: `${name} has ${found.get(key)} for ${key}, not ${rows.join(' or ')}` })
  }
  return violations
}

/**
 * Reads all rows, and retries for some time.
 *
 * @returns the last error if that did not help
 */
async function readAll(
  eventLoop: EventLoop,
  view: TableView<string, SimRow>,
  into: Map<string, string>,
): Promise<Error | undefined> {
  let failure: Error | undefined
  for (let tries = 0; tries < MAX_TRIES; tries++) {
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
    await eventLoop.run(() => isDone, MAX_STEPS)
    failure = await reading
    if (failure === undefined) return undefined
    const later = eventLoop.now + RETRY_MS
    await eventLoop.run(() => eventLoop.now > later, MAX_STEPS)
  }
  return failure
}
