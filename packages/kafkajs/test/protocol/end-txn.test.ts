import { expect, it } from 'vitest'
import { decodeEndTxnResponse, END_TXN, encodeEndTxnRequest } from '../../src/protocol/end-txn.js'
import { bodyOf, bytes, compact, decodeWhole, string } from './bytes.js'

const { version, transactionV2Version } = END_TXN
const request = { transactionalId: 'app-0', producerId: 77, producerEpoch: 2 }

it.each([
  [true, '01'],
  [false, '00'],
])('an EndTxn request with committed %s is encoded in versions 1 and 5', (committed, byte) => {
  const [plain, flexible] = ([version, transactionV2Version] as const).map((each) =>
    encodeEndTxnRequest({ ...request, committed }, each),
  ) as [ReturnType<typeof encodeEndTxnRequest>, ReturnType<typeof encodeEndTxnRequest>]
  expect(plain).toMatchObject({ api: { key: 26, name: 'EndTxn' }, version: 1 })
  expect(bodyOf(plain)).toEqual(bytes(string('app-0'), '000000000000004d', '0002', byte))
  expect(flexible).toMatchObject({ api: { key: 26, name: 'EndTxn' }, version: 5 })
  expect(bodyOf(flexible)).toEqual(bytes(compact('app-0'), '000000000000004d', '0002', byte, '00'))
})

it('an EndTxn response of version 1 is decoded', () => {
  const response = bytes('00000001', '0033')
  expect(decodeWhole(response, (reader) => decodeEndTxnResponse(reader, version))).toEqual({
    throttleTimeMs: 1,
    errorCode: 51,
    producerId: -1,
    producerEpoch: -1,
  })
})

it('an EndTxn response of version 5 has the producer id and epoch of the next transaction', () => {
  const response = bytes('00000000', '0000', '000000000000004d', '0003', '00')
  expect(decodeWhole(response, (reader) => decodeEndTxnResponse(reader, transactionV2Version))).toEqual({
    throttleTimeMs: 0,
    errorCode: 0,
    producerId: 77,
    producerEpoch: 3,
  })
})
