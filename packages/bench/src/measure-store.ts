// What one store costs, by itself: STORE (see stores.ts), ROWS of BYTES each. Run it with --expose-gc; compare-stores does.
import { readFileSync } from 'node:fs'
import type { StateStore } from '@joinery/core/store'
import { storesOf } from './stores.js'

const ROWS = Number(process.env.ROWS ?? 1_000_000)
const BYTES = Number(process.env.BYTES ?? 500)
/** As the runtime commits while it restores. */
const COMMIT = 5_000
/** As the runtime reads. */
const READ = 256
const READS = 200_000
const UPDATES = 100_000

const collectGarbage = (globalThis as { gc?: () => void }).gc
if (collectGarbage === undefined) throw new Error('run it with --expose-gc')

/** Memory that is this process's alone; pages of a mapped file are the system's, which takes them back when it needs to. */
async function ownBytes(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    collectGarbage?.()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const anonymous = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
  return Number(anonymous) * 1_024
}

const keyOf = (i: number): Buffer => Buffer.from(`p-${String(i).padStart(8, '0')}`)
/** Not the slice of a larger buffer that it would keep alive, and not the same bytes for all. */
const valueAt = (i: number): Uint8Array => new Uint8Array(BYTES).fill(i & 0xff)
const somewhere = (i: number): number => (i * 7_919) % ROWS

async function rate(count: number, each: (at: number) => unknown, step: number): Promise<number> {
  const began = performance.now()
  for (let i = 0; i < count; i += step) await each(i)
  return Math.round((count / (performance.now() - began)) * 1_000)
}

const stores = await storesOf(process.env)
let token = 0
const open = (): Promise<StateStore> | StateStore =>
  stores.open({ application: 'bench', name: 'rows', partition: 0, token: ++token, changelogId: 'bench' })

const before = await ownBytes()
let store = await open()
await store.clear()
const write = (order: (i: number) => number) => (at: number) => {
  const changes = Array.from({ length: Math.min(COMMIT, ROWS) }, (_, i) => order((at + i) % ROWS))
  return store.commit(
    changes.map((i) => ({ key: keyOf(i), value: valueAt(i) })),
    `${at}`,
  )
}
const loaded = await rate(
  ROWS,
  write((i) => i),
  COMMIT,
)
const bytesPerRow = Math.round((((await ownBytes()) - before) / ROWS) * 10) / 10
const updated = await rate(Math.min(UPDATES, ROWS), write(somewhere), COMMIT)
const readAtRandom = await rate(
  READS,
  (at) => store.getMany(Array.from({ length: READ }, (_, i) => keyOf(somewhere(at + i)))),
  READ,
)
let scanned = 0
const beganScan = performance.now()
for await (const _ of store.entries()) scanned++
const scanRate = Math.round((scanned / (performance.now() - beganScan)) * 1_000)
const beganOpening = performance.now()
store = await open()
await store.getMany([keyOf(0)])
const reopenMs = Math.round((performance.now() - beganOpening) * 10) / 10
await stores[Symbol.asyncDispose]?.()

console.log(
  JSON.stringify({
    store: process.env.STORE ?? 'memory',
    rows: scanned,
    bytes: BYTES,
    bytesPerRow,
    loaded,
    updated,
    readAtRandom,
    scanRate,
    reopenMs,
  }),
)
