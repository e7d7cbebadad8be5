// Rows and waiting events in your own state store: a view of the log, which may be lost at any time.
import { JoineryError, stream, table, text, topic } from '@joinery/core'
import { type Change, keyText, type StateStore, type StateStores } from '@joinery/core/store'
import { testDriver } from '@joinery/core/testing'

class MapStore implements StateStore {
  position: string | undefined
  #rows: Map<string, readonly [key: Uint8Array, value: Uint8Array]> | undefined = new Map()
  get #open() {
    if (this.#rows === undefined) throw new JoineryError('STORE_CLOSED', 'the store was closed')
    return this.#rows
  }
  getMany = (keys: readonly Uint8Array[]) => keys.map((key) => this.#open.get(keyText(key))?.[1])
  entries = () => this.#open.values()
  commit(changes: readonly Change[], position: string) {
    const rows = this.#open
    for (const { key, value } of changes) {
      if (value === null) rows.delete(keyText(key))
      else rows.set(keyText(key), [Buffer.from(key), Buffer.from(value)]) // copies: they may be views of the log's
    }
    this.position = position // last: a commit that fails leaves it as it was
  }
  clear() {
    this.#open.clear()
    this.position = undefined
  }
  close() {
    this.#rows = undefined
  }
}
export const mapStores: StateStores = { open: () => new MapStore() } // an empty one for each owner of a task

const serdes = { key: text(), value: text() }
const [events, rows, results] = [topic('events', serdes), topic('rows', serdes), topic('results', serdes)]
const joined = stream(events).leftJoin(table(rows), (event, row) => `${event}, ${row}`, { wait: { atMost: '30m' } })
await using driver = await testDriver(joined.to(results), { stores: mapStores })
await driver.produce(events, { key: 'k', value: 'an event' })
await driver.restart('crash') // a new, empty store is rebuilt from the log
await driver.produce(rows, { key: 'k', value: 'its row' })
console.log(driver.consume(results)[0]?.value)
