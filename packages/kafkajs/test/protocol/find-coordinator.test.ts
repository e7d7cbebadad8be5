import { expect, it } from 'vitest'
import {
  COORDINATOR_TYPE,
  decodeFindCoordinatorResponse,
  encodeFindCoordinatorRequest,
} from '../../src/protocol/find-coordinator.js'
import { bodyOf, bytes, decodeWhole, string } from './bytes.js'

it.each([
  ['group', '00'],
  ['transaction', '01'],
] as const)('a FindCoordinator request for a %s is encoded in version 2', (type, byte) => {
  const encoded = encodeFindCoordinatorRequest({ key: 'app-0', keyType: COORDINATOR_TYPE[type] })
  expect(encoded).toMatchObject({ api: { key: 10, name: 'FindCoordinator' }, version: 2 })
  expect(bodyOf(encoded)).toEqual(bytes(string('app-0'), byte))
})

it('a FindCoordinator response is decoded', () => {
  const found = bytes('00000000', '0000', 'ffff', '00000003', string('h3'), '00002384')
  expect(decodeWhole(found, decodeFindCoordinatorResponse)).toEqual({
    throttleTimeMs: 0,
    errorCode: 0,
    errorMessage: null,
    nodeId: 3,
    host: 'h3',
    port: 9092,
  })
  const none = bytes('00000002', '000f', string('not now'), 'ffffffff', '0000', 'ffffffff')
  expect(decodeWhole(none, decodeFindCoordinatorResponse)).toEqual({
    throttleTimeMs: 2,
    errorCode: 15,
    errorMessage: 'not now',
    nodeId: -1,
    host: '',
    port: -1,
  })
})
