import { expect, it } from 'vitest'
import { ActivationWorkload, eventOf } from '../../src/open-loop/activation-workload.js'

const ROWS = 1_000
const workload = new ActivationWorkload(ROWS)

it('the result of an event has the external id of the latest row of its product', () => {
  const latest = new Map<string, unknown>()
  for (const { key, value } of workload.information()) latest.set(key, value.externalId)
  expect(latest.size).toBe(ROWS)
  const products = Array.from({ length: ROWS }, (_, product) => product)
  const results = products.map((product) => workload.notification(product, product))
  expect(results.map(({ value }) => value.externalId)).toEqual(results.map(({ key }) => latest.get(key)))
})

it('every tenth row has two versions with different external ids', () => {
  const versions = new Map<string, Set<unknown>>()
  for (const { key, value } of workload.information())
    versions.set(key, (versions.get(key) ?? new Set()).add(value.externalId))
  expect([...versions.values()].filter(({ size }) => size === 2)).toHaveLength(ROWS / 10)
})

it('the result of an event has its fields, without the channel', () => {
  const { key, value } = workload.activation(12, 34)
  expect(workload.notification(12, 34).key).toBe(key)
  const { channel: _, ...fields } = value
  expect(workload.notification(12, 34).value).toMatchObject(fields)
})

it('an event can be recognized by its id', () => {
  expect(eventOf(workload.activation(12, 34).value)).toBe(12)
  expect([{}, { activationId: 12 }, { activationId: 'b-0000000012' }].map(eventOf)).toEqual([-1, -1, -1])
})

it('events are distributed evenly over all products', () => {
  const counts = new Array<number>(ROWS).fill(0)
  for (let event = 0; event < 100 * ROWS; event++) {
    const product = workload.productOf(event)
    counts[product] = (counts[product] as number) + 1
  }
  expect(Math.min(...counts)).toBeGreaterThan(50)
  expect(Math.max(...counts)).toBeLessThan(150)
})
