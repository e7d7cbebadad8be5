// Measures a single store: STORE (see stores.ts), with ROWS rows of BYTES bytes. Needs --expose-gc, which compare-stores passes.
import { readFileSync } from 'node:fs'
import type { StateStore } from '@joinery/core/store'
import { storesOf } from './stores.js'

const ROWS = Number(process.env.ROWS ?? 1_000_000)
const BYTES = Number(process.env.BYTES ?? 500)
/** The changes of a commit, as during a restore. */
const COMMIT = 5_000
/** The keys of a read, as of the runtime. */
const READ = 256
const READS = 200_000
const UPDATES = 100_000

const collectGarbage = (globalThis as { gc?: () => void }).gc
if (collectGarbage === undefined) throw new Error('run node with --expose-gc')

/** @returns the private memory of the process; pages of a mapped file are not private, as the operating system can reclaim them */
async function privateBytes(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    collectGarbage?.()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const anonymous = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
  return Number(anonymous) * 1_024
}

const keyOf = (i: number): Buffer => Buffer.from(`p-${String(i).padStart(8, '0')}`)
/** Each value has a separate buffer, because a view would keep a larger one alive, and values differ. */
const valueAt = (i: number): Uint8Array => new Uint8Array(BYTES).fill(i & 0xff)
const randomRow = (i: number): number => (i * 7_919) % ROWS

async function rate(count: number, each: (at: number) => unknown, step: number): Promise<number> {
  const began = performance.now()
  for (let i = 0; i < count; i += step) await each(i)
  return Math.round((count / (performance.now() - began)) * 1_000)
}

const stores = await storesOf(process.env)
let token = 0
const open = (): Promise<StateStore> | StateStore =>
  stores.open({ application: 'bench', name: 'rows', partition: 0, token: ++token, changelogId: 'bench' })

const before = await privateBytes()
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
const bytesPerRow = Math.round((((await privateBytes()) - before) / ROWS) * 10) / 10
const updated = await rate(Math.min(UPDATES, ROWS), write(randomRow), COMMIT)
const readAtRandom = await rate(
  READS,
  (at) => store.getMany(Array.from({ length: READ }, (_, i) => keyOf(randomRow(at + i)))),
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
