const BOM_UTF8 = [0xef, 0xbb, 0xbf]
const BOMS_UTF16 = [
  [0xff, 0xfe],
  [0xfe, 0xff],
]

/** @returns why bytes are not JSON, if their beginning shows that they are encoded in another way */
export function encodingProblem(bytes: Uint8Array): string | undefined {
  const beginWith = (prefix: readonly number[]) => prefix.every((byte, i) => bytes[i] === byte)
  const [first, second] = bytes
  if (first === undefined) return 'there are none, and a tombstone has the value null instead'
  if (beginWith(BOM_UTF8)) return 'they begin with a byte order mark (BOM): write UTF-8 without it'
  if (BOMS_UTF16.some(beginWith) || (second !== undefined && (first === 0) !== (second === 0)))
    return 'they look like UTF-16: write UTF-8'
  if (first === 0) return 'they begin with zeros, as those of a schema registry do: use a serde for its format'
  return undefined
}
