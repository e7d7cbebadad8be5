import { describe, expect, it } from 'vitest'
import { crc32c as chosen } from '../../../src/protocol/record-batch/crc32c.js'
import { crc32c as byTables } from '../../../src/protocol/record-batch/table-crc32c.js'
import { slowCrc32c } from './raw-batch.js'

const ascending = Buffer.from(Array.from({ length: 32 }, (_, i) => i))
const iscsiRead = Buffer.from(
  '01c00000000000000000000000000000140000000000040000000014000000182800000000000000' + '0200000000000000',
  'hex',
)

describe.each([
  ['by the best means of this machine', chosen],
  ['by tables', byTables],
])('crc32c, %s', (_way, crc32c) => {
  it.each([
    ['32 zeros', Buffer.alloc(32), 0x8a91_36aa],
    ['32 ones', Buffer.alloc(32, 0xff), 0x62a8_ab43],
    ['32 ascending bytes', ascending, 0x46dd_794e],
    ['32 descending bytes', Buffer.from(ascending).reverse(), 0x113f_db5c],
    ['an iSCSI read command', iscsiRead, 0xd996_3a56],
    ['the check string', Buffer.from('123456789'), 0xe306_9283],
    ['nothing', Buffer.alloc(0), 0],
    ['one byte', Buffer.from('a'), 0xc1d0_4330],
  ])('gives %s the checksum of RFC 3720 and its catalogue', (_, bytes, expected) => {
    expect(crc32c(bytes, 0, bytes.length)).toBe(expected)
  })

  it('agrees with the definition for every length up to 80 at every alignment', () => {
    const memory = Buffer.allocUnsafeSlow(128)
    for (let i = 0; i < memory.length; i++) memory[i] = (i * 151 + 17) & 255
    for (let from = 0; from < 8; from++) {
      for (let to = from; to <= from + 80; to++) {
        expect(crc32c(memory, from, to), `${from} to ${to}`).toBe(slowCrc32c(memory.subarray(from, to)))
      }
    }
  })

  it('reads a view of a larger buffer in place', () => {
    const view = Buffer.concat([Buffer.from('xyz'), ascending]).subarray(3)
    expect(crc32c(view, 0, 32)).toBe(0x46dd_794e)
  })
})
