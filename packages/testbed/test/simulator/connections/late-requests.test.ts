import { describe, expect, it } from 'vitest'
import { LateRequests } from '../../../src/simulator/connections/late-requests.js'
import { EventLoop } from '../../../src/simulator/event-loop.js'
import { Random } from '../../../src/simulator/random.js'

const SEEDS = Array.from({ length: 40 }, (_, i) => i + 1)

/** @returns what has arrived, in order: requests of `p0` by their numbers, and the late one */
async function arrivals(seed: number, requests: number): Promise<readonly (number | 'late')[]> {
  const eventLoop = new EventLoop(new Random(seed))
  const late = new LateRequests(eventLoop)
  const arrived: (number | 'late')[] = []
  late.add('p0', 'EndTxn', () => arrived.push('late'))
  for (let number = 0; number < requests; number++) {
    eventLoop.schedule(number, 'a request arrives', () => {
      arrived.push(number)
      late.arrived('p0')
      late.arrived('p1')
    })
  }
  await eventLoop.run(() => false, 10_000)
  return arrived
}

describe('a late request', () => {
  it('arrives once, behind a later request of its process', async () => {
    const places = new Set<number>()
    for (const seed of SEEDS) {
      const arrived = await arrivals(seed, 20)
      expect(arrived.filter((each) => each === 'late')).toHaveLength(1)
      places.add(arrived.indexOf('late'))
    }
    expect([...places].sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })

  it('arrives even if no request follows', async () => {
    for (const seed of SEEDS) expect(await arrivals(seed, 0)).toEqual(['late'])
  })
})
