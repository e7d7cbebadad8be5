import { expect, it } from 'vitest'
import {
  decodeInitProducerIdResponse,
  encodeInitProducerIdRequest,
  INIT_PRODUCER_ID,
} from '../../src/protocol/init-producer-id.js'
import { bodyOf, bytes, compact, decodeWhole, string } from './bytes.js'

const { version, transactionV2Version } = INIT_PRODUCER_ID
const request = { transactionalId: 'app-0', transactionTimeoutMs: 60_000, producerId: -1, producerEpoch: -1 }

it.each([
  ['app-0', string('app-0')],
  [null, 'ffff'],
])('an InitProducerId request of %s is encoded in version 1', (transactionalId, id) => {
  const encoded = encodeInitProducerIdRequest({ ...request, transactionalId }, version)
  expect(encoded).toMatchObject({ api: { key: 22, name: 'InitProducerId' }, version: 1 })
  expect(bodyOf(encoded)).toEqual(bytes(id, '0000ea60'))
})

it('an InitProducerId request is encoded in version 5', () => {
  const encoded = encodeInitProducerIdRequest({ ...request, producerEpoch: 3 }, transactionV2Version)
  expect(encoded).toMatchObject({ api: { key: 22, name: 'InitProducerId' }, version: 5 })
  expect(bodyOf(encoded)).toEqual(bytes(compact('app-0'), '0000ea60', 'ffffffffffffffff', '0003', '00'))
})

it.each([
  [version, ''],
  [transactionV2Version, '00'],
])('an InitProducerId response of version %i is decoded', (each, tags) => {
  const response = bytes('00000001', '0000', '000000000000004d', '0002', tags)
  expect(decodeWhole(response, (reader) => decodeInitProducerIdResponse(reader, each))).toEqual({
    throttleTimeMs: 1,
    errorCode: 0,
    producerId: 77,
    producerEpoch: 2,
  })
})
