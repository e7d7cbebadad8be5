import { expect, it } from 'vitest'
import { recordOrigin } from '../../src/index.js'

const of = (...values: string[]) => recordOrigin(values.map((value) => ['joinery-origin', Buffer.from(value)]))

it('reads application, topic, partition and offset from the last such header', () => {
  expect(of('b/u/0/1', 'a/t.x/3/42')).toEqual({ application: 'a', topic: 't.x', partition: 3, offset: 42 })
})

it('returns undefined if there is no origin, or none that can be read', () => {
  expect(recordOrigin([])).toBeUndefined()
  expect(recordOrigin([['joinery-origin', null]])).toBeUndefined()
  for (const wrong of ['', 'a/t/3', 'a/t/x/1', 'a/t/1/-1', 'a/b/c/1/2']) expect(of(wrong)).toBeUndefined()
})
