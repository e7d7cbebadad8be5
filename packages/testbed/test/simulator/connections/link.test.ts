import { describe, expect, it } from 'vitest'
import { Network } from '../../../src/simulator/brokers/network.js'
import { Link } from '../../../src/simulator/connections/link.js'
import { EventLoop } from '../../../src/simulator/event-loop.js'
import { SimProcess } from '../../../src/simulator/machines/sim-process.js'
import { Random } from '../../../src/simulator/random.js'

interface Sent {
  /** The numbers of the messages that have arrived, in their order. */
  readonly arrived: readonly number[]
  /** Whether the process has noticed that the connection is broken. */
  readonly isReset: boolean
}

/** Sends messages 0 to 4 to a broker, one each millisecond. */
async function sent(seed: number, disturb: (network: Network, eventLoop: EventLoop) => void): Promise<Sent> {
  const eventLoop = new EventLoop(new Random(seed))
  const network = new Network(eventLoop)
  const arrived: number[] = []
  let isReset = false
  const link = new Link(network, new SimProcess(eventLoop, 'p0'), () => {
    isReset = true
  })
  disturb(network, eventLoop)
  for (let number = 0; number < 5; number++) {
    const message = { label: `message ${number}`, arrive: () => arrived.push(number) }
    eventLoop.schedule(number, 'a message is sent', () => link.send('broker', message))
  }
  await eventLoop.run(() => false, 10_000)
  return { arrived, isReset }
}

const SEEDS = Array.from({ length: 40 }, (_, i) => i + 1)
const ALL = [0, 1, 2, 3, 4]

describe('a link', () => {
  it('keeps the order of messages, however long each takes', async () => {
    for (const seed of SEEDS) {
      const { arrived, isReset } = await sent(seed, (network) => {
        network.delayRate = 0.5
      })
      expect(arrived).toEqual(ALL)
      expect(isReset).toBe(false)
    }
  })

  it('delivers what was sent in a partition after it, or breaks silently', async () => {
    const results = await Promise.all(
      SEEDS.map((seed) =>
        sent(seed, (network, eventLoop) => {
          network.partitioned.add('p0')
          eventLoop.schedule(5_000, 'the partition ends', () => network.partitioned.clear())
        }),
      ),
    )
    expect(results.filter(({ isReset }) => isReset)).toEqual([])
    expect(new Set(results.map(({ arrived }) => arrived.join()))).toEqual(new Set(['', ALL.join()]))
  })

  it('breaks with the first message that is lost, which may still arrive', async () => {
    const results = await Promise.all(
      SEEDS.map((seed) =>
        sent(seed, (network) => {
          network.lossRate = 0.3
        }),
      ),
    )
    for (const { arrived } of results) expect(arrived).toEqual(ALL.slice(0, arrived.length))
    const broken = results.filter(({ arrived }) => arrived.length < ALL.length)
    expect(broken.some(({ isReset }) => isReset)).toBe(true)
    expect(broken.some(({ isReset }) => !isReset)).toBe(true)
  })
})
