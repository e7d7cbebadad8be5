const FIELDS = [
  '0000000000000000', // base offset
  '00000046', // length of the rest
  'ffffffff', // partition leader epoch
  '02', // magic
  '157d8bae', // CRC-32C of the rest, computed outside of this project
  '0010', // attributes: transactional
  '00000001', // last offset delta
  '0000018bcfe56800', // base timestamp 1 700 000 000 000
  '0000018bcfe56801', // max timestamp
  '00000000000003e8', // producer id 1000
  '0007', // producer epoch
  '0000002a', // base sequence 42
  '00000002', // records
  // 13 bytes, attributes, timestamp +0, offset +0, key 'k', value 'v1', one header 'a' = 'x'
  '1a00000002' + '6b' + '04' + '7631' + '02' + '02' + '61' + '02' + '78',
  // 6 bytes, attributes, timestamp +1, offset +1, null key, null value, no headers
  '0c000202010100',
]

/** A batch written by hand after https://kafka.apache.org/documentation/#recordbatch. */
export const GOLDEN: { readonly bytes: Buffer } = { bytes: Buffer.from(FIELDS.join(''), 'hex') }
