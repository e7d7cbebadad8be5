import { describe, expect, it } from 'vitest'
import { planTraffic, type Sending, type TrafficPlan } from '../../../src/demo/traffic/traffic-plan.js'

const atMostMs = 2_000
const plan = (activations: number, seed = 1) => planTraffic({ activations, seed, atMostMs })

const products = ({ arrivals }: TrafficPlan) => {
  const count = { before: 0, soon: 0, late: 0, never: 0 }
  for (const arrival of arrivals.values()) count[arrival]++
  return count
}

describe('the plan of the traffic', () => {
  it('sends exactly the requested number of activations, each once', () => {
    for (const activations of [1, 2, 5, 300, 12_345]) {
      const ids = plan(activations).sendings.flatMap((sending) =>
        sending.type === 'activation' ? [sending.activationId] : [],
      )
      expect(ids).toHaveLength(activations)
      expect(new Set(ids).size).toBe(activations)
    }
  })

  it('sends the information of 70 % of the products before, 15 % soon after, 10 % long after and 5 % never', () => {
    expect(products(plan(1_000))).toEqual({ before: 560, soon: 120, late: 80, never: 40 })
  })

  it('has each kind as soon as there are products for it', () => {
    expect(products(plan(5))).toEqual({ before: 1, soon: 1, late: 1, never: 1 })
  })

  it('sends the information at the time of the product’s kind, within the waiting time', () => {
    const { sendings, arrivals } = plan(1_000)
    const first = new Map<string, Sending>()
    const information = new Map<string, Sending>()
    for (const sending of sendings) {
      if (sending.type === 'information') information.set(sending.productId, sending)
      else if (!first.has(sending.productId)) first.set(sending.productId, sending)
    }
    for (const [product, arrival] of arrivals) {
      const activatedAt = first.get(product)?.atMs ?? Number.NaN
      const offset = (information.get(product)?.atMs ?? Number.NaN) - activatedAt
      if (arrival === 'never') expect(information.has(product)).toBe(false)
      else if (arrival === 'before') expect(offset).toBeLessThan(0)
      else expect(offset).toBeGreaterThan(0)
      if (arrival === 'soon') expect(offset).toBeLessThan(0.2 * atMostMs)
      if (arrival === 'late') {
        expect(offset).toBeGreaterThan(0.2 * atMostMs)
        expect(offset).toBeLessThan(atMostMs)
      }
    }
  })

  it('is in order of time, and begins at once', () => {
    const { sendings } = plan(1_000)
    const times = sendings.map(({ atMs }) => atMs)
    expect(times).toEqual([...times].sort((a, b) => a - b))
    expect(times[0]).toBeGreaterThanOrEqual(0)
    expect(times[0]).toBeLessThan(500)
  })

  it('is the same for a seed, and another for another', () => {
    expect(plan(300, 5)).toEqual(plan(300, 5))
    expect(plan(300, 5).sendings).not.toEqual(plan(300, 6).sendings)
  })

  it('mixes the kinds over the products', () => {
    const kinds = [...plan(1_000).arrivals.values()]
    const late = kinds.flatMap((kind, i) => (kind === 'late' ? [i] : []))
    const middle = late.reduce((a, b) => a + b, 0) / late.length
    // 80 places drawn out of 800 have their mean near 400, with a standard error of 25
    expect(Math.abs(middle - 400)).toBeLessThan(125)
  })
})
