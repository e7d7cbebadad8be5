import { storesOf } from './stores.js'

/**
 * What rows cost in memory: commits `ROWS` rows of `BYTES` bytes to the store that `STORE` names, and prints the bytes that the
 * process has grown by for each. Run it with `--expose-gc`.
 */
const rows = Number(process.env.ROWS ?? 1_000_000)
const bytes = Number(process.env.BYTES ?? 500)
const CHUNK = 5_000

const collect = globalThis.gc
if (collect === undefined) throw new Error('run it with node --expose-gc')

function used(): { live: number; resident: number } {
  collect?.()
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage()
  return { live: heapUsed + arrayBuffers, resident: rss }
}

const stores = storesOf(process.env)
const id = { application: 'row-memory', name: 'rows', partition: 0, token: Date.now(), changelogId: 'row-memory' }
const store = await stores.open(id)
await store.clear()
const before = used()
let keyBytes = 0
for (let from = 0; from < rows; from += CHUNK) {
  const changes = Array.from({ length: Math.min(CHUNK, rows - from) }, (_, i) => {
    const key = Buffer.from(`product-${from + i}`)
    keyBytes += key.length
    return { key: Uint8Array.from(key), value: new Uint8Array(bytes).fill(i) }
  })
  await store.commit(changes, String(from))
}
const after = used()
const perRow = (total: number) => Math.round(total / rows)
console.log(
  JSON.stringify({
    rows,
    rowBytes: bytes + perRow(keyBytes),
    liveBytesPerRow: perRow(after.live - before.live),
    residentBytesPerRow: perRow(after.resident - before.resident),
  }),
)
await store.clear()
await store.close()
await stores[Symbol.asyncDispose]?.()
