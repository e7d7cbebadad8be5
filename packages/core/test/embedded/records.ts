import { type LogRecord, type NewRecord, recordOrigin } from '../../src/index.js'
import { keyText, type StateStores } from '../../src/store.js'

/** A record of texts in partition 0. */
export const record = (
  topic: string,
  offset: number,
  key: string | null,
  value: string | null,
  more: Partial<LogRecord> = {},
): LogRecord => ({
  topic,
  partition: 0,
  offset,
  key: key === null ? null : Buffer.from(key),
  value: value === null ? null : Buffer.from(value),
  timestamp: 0,
  headers: [],
  ...more,
})

/** Values of outputs, with the offset of the event behind each. */
export const brief = (outputs: readonly NewRecord[]): (readonly [value: string, offset: number | undefined])[] =>
  outputs.map(({ value, headers }) => [Buffer.from(value ?? []).toString(), recordOrigin(headers)?.offset])

/** Stores that outlive who uses them, as on a disk. */
export function durableStores(): StateStores {
  const stores = new Map<
    string,
    { rows: Map<string, readonly [Uint8Array, Uint8Array]>; position: string | undefined }
  >()
  return {
    open({ application, name, partition }) {
      const id = `${application}/${name}/${partition}`
      const contents = stores.get(id) ?? { rows: new Map(), position: undefined }
      stores.set(id, contents)
      const { rows } = contents
      return {
        get position() {
          return contents.position
        },
        getMany: (keys) => keys.map((key) => rows.get(keyText(key))?.[1]),
        commit(changes, position) {
          for (const { key, value } of changes) {
            if (value === null) rows.delete(keyText(key))
            else rows.set(keyText(key), [key, value])
          }
          contents.position = position
        },
        entries: () => [...rows.values()],
        clear() {
          rows.clear()
          contents.position = undefined
        },
        close() {},
      }
    },
  }
}
