import type { Instance } from '../machines/instance.js'
import type { StoreFaultRates } from '../machines/sim-stores.js'
import type { Random } from '../random.js'

/** One occurrence of a fault of stores. */
interface StoreFault {
  readonly instance: Instance
  readonly storeFaultRates: StoreFaultRates
  readonly random: Random
  later(from: number, to: number, act: () => void): void
}

export function failStores({ storeFaultRates, random, later }: StoreFault): void {
  storeFaultRates.failures = random.next() * 0.3
  later(50, 4_000, () => {
    storeFaultRates.failures = 0
  })
}

export function stallStores({ storeFaultRates, random, later }: StoreFault): void {
  storeFaultRates.stalls = random.next() * 0.2
  later(50, 4_000, () => {
    storeFaultRates.stalls = 0
  })
}

/** The stores of one instance do not respond; it stays a member of its group. */
export function hangStores({ instance, storeFaultRates, later }: StoreFault): void {
  const name = instance.process?.name ?? instance.name
  storeFaultRates.hanging.add(name)
  later(5_000, 40_000, () => storeFaultRates.hanging.delete(name))
}
