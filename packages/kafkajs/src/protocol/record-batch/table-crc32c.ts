const POLYNOMIAL = 0x82f63b78
const LANES = 16

/** Slicing-by-16 tables: table k is what a byte contributes k bytes before the end. */
const TABLES: readonly Int32Array[] = makeTables()

function makeTables(): Int32Array[] {
  const tables = Array.from({ length: LANES }, () => new Int32Array(256))
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
    ;(tables[0] as Int32Array)[byte] = crc
  }
  for (let channel = 1; channel < LANES; channel++) {
    for (let byte = 0; byte < 256; byte++) {
      const before = (tables[channel - 1] as Int32Array)[byte] as number
      ;(tables[channel] as Int32Array)[byte] = (before >>> 8) ^ ((tables[0] as Int32Array)[before & 255] as number)
    }
  }
  return tables
}

type Sixteen = readonly [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
]
const [t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, ta, tb, tc, td, te, tf] = TABLES as unknown as Sixteen

/** For a range without a whole word, which may end at an offset that is not aligned. */
const NO_WORDS: Int32Array = new Int32Array(0)

/** CRC-32C (Castagnoli) of a range of bytes, as record batches have it; unsigned. */
export function crc32c(bytes: Uint8Array, from: number, to: number): number {
  let crc = -1
  let at = from
  while (at < to && ((bytes.byteOffset + at) & 3) !== 0)
    crc = (t0[(crc ^ (bytes[at++] as number)) & 255] as number) ^ (crc >>> 8)
  const count = (to - at) >> 2
  const words = count === 0 ? NO_WORDS : new Int32Array(bytes.buffer, bytes.byteOffset + at, count)
  let i = 0
  for (; i + 4 <= count; i += 4) {
    const a = crc ^ (words[i] as number)
    const b = words[i + 1] as number
    const c = words[i + 2] as number
    const d = words[i + 3] as number
    crc =
      (tf[a & 255] as number) ^
      (te[(a >>> 8) & 255] as number) ^
      (td[(a >>> 16) & 255] as number) ^
      (tc[a >>> 24] as number) ^
      (tb[b & 255] as number) ^
      (ta[(b >>> 8) & 255] as number) ^
      (t9[(b >>> 16) & 255] as number) ^
      (t8[b >>> 24] as number) ^
      (t7[c & 255] as number) ^
      (t6[(c >>> 8) & 255] as number) ^
      (t5[(c >>> 16) & 255] as number) ^
      (t4[c >>> 24] as number) ^
      (t3[d & 255] as number) ^
      (t2[(d >>> 8) & 255] as number) ^
      (t1[(d >>> 16) & 255] as number) ^
      (t0[d >>> 24] as number)
  }
  for (at += i * 4; at < to; at++) crc = (t0[(crc ^ (bytes[at] as number)) & 255] as number) ^ (crc >>> 8)
  return (crc ^ -1) >>> 0
}
