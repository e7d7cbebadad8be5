import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { decodeCall, encodeCall } from '../../src/changelog/call-record.js'
import {
  callKey,
  OWNER_KEY,
  ownerRecord,
  POSITION_KEY,
  rowBytes,
  rowKey,
  rowValue,
  waiterKey,
} from '../../src/changelog/keys.js'
import { decodePosition, encodePosition } from '../../src/changelog/position-record.js'
import { decodeWaiter, encodeWaiter } from '../../src/changelog/waiter-record.js'
import { newTotals } from '../../src/outcome/totals.js'
import { fences, ROOT } from './code-blocks.js'

const FILE = 'docs/changelog-format.md'
const blocks = fences(FILE, readFileSync(join(ROOT, FILE), 'utf8'))
const documented = Object.fromEntries(
  blocks
    .filter(({ info }) => info.startsWith('hex '))
    .map(({ info, code }) => [info.slice(4), code.replaceAll(/\s/g, '')]),
)
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** What the page says that its examples hold. */
const record = {
  topic: 'product-activation',
  partition: 0,
  offset: 258,
  key: Buffer.from('p2'),
  value: Buffer.from('{"productId":"p2"}'),
  timestamp: 1_767_225_600_000,
  headers: [['traceparent', Buffer.from('00')]] as const,
}
const arrival = 1_767_225_600_500
const session = Uint8Array.from({ length: 16 }, (_, i) => i)

it('every documented byte is what the code writes', () => {
  expect(documented).toEqual({
    'owner-key': hex(OWNER_KEY),
    'position-key': hex(POSITION_KEY),
    'waiter-key': hex(waiterKey('product-activation', 258)),
    'call-key': hex(callKey('notifications', 'service-a/product-activation/0/258')),
    'row-key': hex(rowKey('product-information', Buffer.from('p1'))),
    'owner-value': hex(ownerRecord({ session, transactionalId: 'service-a-7f3a9c.0' }).value),
    'waiter-value': hex(encodeWaiter(record, arrival)),
    'row-value': hex(rowValue(Buffer.from('{"externalId":"x1"}'))),
  })
})

it('every documented value is what the code reads', () => {
  const bytes = (name: string) => Buffer.from(documented[name] ?? '', 'hex')
  expect(decodeWaiter(bytes('waiter-value'), 'product-activation', 0, 258)).toEqual({ record, arrival })
  expect(Buffer.from(rowBytes(bytes('row-value'))).toString()).toBe('{"externalId":"x1"}')
  const part = Buffer.from(JSON.stringify(JSON.parse(blocks.find(({ info }) => info === 'json call')?.code ?? '')))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(part.length)
  const stored = Buffer.concat([Buffer.from([1]), length, part, bytes('waiter-value')])
  const call = decodeCall(stored, 'product-activation', 0)
  expect(call).toEqual({ ...JSON.parse(part.toString()), record, arrival })
  expect(decodeCall(encodeCall(call), 'product-activation', 0)).toEqual(call)
  const json = blocks.find(({ info }) => info === 'json')?.code ?? ''
  const position = decodePosition(Buffer.concat([Buffer.from([1]), Buffer.from(json)]))
  expect(decodePosition(encodePosition(position))).toEqual(JSON.parse(json))
  expect(Object.keys(position.totals['product-activation'] ?? {}).sort()).toEqual(Object.keys(newTotals()).sort())
})
