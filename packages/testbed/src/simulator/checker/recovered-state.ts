import { keyText } from '@joinery/core/store'
import { changelogEntry, type PositionRecord } from '../../changelog-records.js'
import type { Instance, SimContext } from '../machines/instance.js'
import type { StoredState } from '../machines/sim-disk.js'
import { APPLICATION } from '../scenario/scenario.js'
import type { SimRow } from '../scenario/values.js'
import { changelogTables } from './committed-state.js'
import { committed, textOf } from './log-history.js'
import { TableHistory } from './table-history.js'
import type { Violation } from './violation.js'

const LAW = 'I6 recovered state was committed'

/** I6: when a task has been restored, its stores contain exactly what was committed before its OWNER. */
export class RecoveryCheck {
  readonly violations: Violation[] = []

  /**
   * Called when a task is restored and has processed nothing yet. A store that has lost commits since then is skipped.
   *
   * @param rebuilding the tables that are read again from their beginnings
   */
  restored(
    { eventLoop, cluster, scenario }: SimContext,
    instance: Instance,
    partition: number,
    rebuilding: ReadonlySet<string>,
  ): void {
    // in a shared store, the next owner may have started already
    const isAlone = scenario.processes === 1
    if (scenario.stores === 'core' || (scenario.stores === 'shared' && !isAlone)) return
    const stateOf = (store: string): StoredState => instance.disk.state(`${APPLICATION}/${store}/${partition}`)
    if (scenario.tables.some(({ name }) => stateOf(name).hasLostCommits)) return
    const waiters = stateOf('$waiters')
    if (waiters.hasLostCommits || stateOf('$calls').hasLostCommits) return
    const expected = committedBefore(waiters.token)
    const wrong = (store: string, what: string) => {
      if (this.violations.length < MAX_VIOLATIONS)
        this.violations.push({ law: LAW, text: `${store} ${what}`, partition })
    }
    compare(expected.waiters, waiters, (what) => wrong('the store of waiting events', what))
    if (scenario.calls !== undefined)
      compare(expected.calls, stateOf('$calls'), (what) => wrong('the store of calls', what))
    for (const { name } of scenario.tables) {
      if (changelogTables(scenario).has(name)) {
        compare(expected.rows.get(name) ?? new Map(), stateOf(name), (what) => wrong(name, what))
        continue
      }
      const isRebuilt = rebuilding.has(`${name}[${partition}]`)
      const next = isRebuilt ? 0 : (expected.position?.inputs[name]?.next ?? 0)
      const table = new TableHistory(cluster, name, partition)
      const stored = new Map(
        [...stateOf(name).rows.values()].map(([key, value]) => [textOf(key), JSON.parse(textOf(value)) as SimRow]),
      )
      for (const key of new Set([...table.keys, ...stored.keys()])) {
        const due = table.rowsAt(key, next, eventLoop.now).map((row) => row?.version)
        const found = stored.get(key)?.version
        if (!due.includes(found))
          wrong(name, `has row ${found} for ${key}, expected ${due.join(' or ')}, when read to ${next}`)
      }
    }

    function committedBefore(owner: number): Recovered {
      const found: Recovered = { waiters: new Map(), calls: new Map(), rows: new Map(), position: undefined }
      for (const { record, offset } of committed(cluster, `${APPLICATION}-changelog`, partition)) {
        if (offset >= owner) break
        const key = record.key as Uint8Array
        if (key[1] === CALL) {
          put(found.calls, keyText(key), record.value && textOf(record.value))
          continue
        }
        const entry = changelogEntry(key, record.value)
        if (entry.type === 'position') found.position = entry.position
        else if (entry.type === 'waiter') put(found.waiters, keyText(key), record.value && textOf(record.value))
        else if (entry.type === 'row') {
          const rows = found.rows.get(entry.table) ?? new Map<string, string>()
          found.rows.set(entry.table, rows)
          put(rows, keyText(Buffer.from(entry.key)), entry.value)
        }
      }
      return found
    }
  }
}

const MAX_VIOLATIONS = 5
/** The type byte of its key. */
const CALL = 4

interface Recovered {
  /** By the keys of the store. */
  readonly waiters: Map<string, string>
  readonly calls: Map<string, string>
  readonly rows: Map<string, Map<string, string>>
  position: PositionRecord | undefined
}

function put(into: Map<string, string>, key: string, value: string | null): void {
  if (value === null) into.delete(key)
  else into.set(key, value)
}

function compare(expected: ReadonlyMap<string, string>, { rows }: StoredState, wrong: (what: string) => void): void {
  for (const [key, value] of expected) {
    const found = rows.get(key)?.[1]
    if (found === undefined) wrong(`has lost ${JSON.stringify(key)}`)
    else if (textOf(found) !== value) wrong(`has an outdated value for ${JSON.stringify(key)}`)
  }
  for (const key of rows.keys()) if (!expected.has(key)) wrong(`has an unexpected entry for ${JSON.stringify(key)}`)
}
