import { seededRandom } from './random.js'

/** When a product's information is sent, relative to its first activation. */
export type Arrival = 'before' | 'soon' | 'late' | 'never'

/** Something to send. */
export type Sending =
  | { readonly atMs: number; readonly type: 'activation'; readonly productId: string; readonly activationId: string }
  | { readonly atMs: number; readonly type: 'information'; readonly productId: string; readonly externalId: string }

/** Everything that is sent, in order of time, and when the information of each product arrives. */
export interface TrafficPlan {
  readonly sendings: readonly Sending[]
  readonly arrivals: ReadonlyMap<string, Arrival>
  readonly activations: number
}

/** Options of {@link planTraffic}. */
export interface TrafficOptions {
  readonly activations: number
  readonly seed: number
  /** How long an activation waits; late information still arrives within that time. */
  readonly atMostMs: number
}

/** Shares of the products; the rest is `before`. */
const SHARES = { soon: 0.15, late: 0.1, never: 0.05 } as const
const PRODUCTS_PER_ACTIVATION = 0.8
const SHORTEST_MS = 2_000
/** As many as both services and the stand-in keep up with in one process on one core. */
const ACTIVATIONS_PER_MS = 4
const BEFORE_MS = [50, 400] as const
/** Parts of the waiting time. */
const SOON = [0.01, 0.1] as const
const LATE = [0.3, 0.6] as const
const REPEATED = [0, 0.15] as const

/** The traffic of a run: most products are known before they are activated, some soon after, some late, some never. */
export function planTraffic({ activations, seed, atMostMs }: TrafficOptions): TrafficPlan {
  const random = seededRandom(seed)
  const products = Math.ceil(activations * PRODUCTS_PER_ACTIVATION)
  const arrivals = new Map(random.shuffle(arrivalsOf(products)).map((arrival, i) => [`product-${i + 1}`, arrival]))
  const times = [...arrivals.keys()].map(() => 1)
  for (let i = products; i < activations; i++) {
    const repeated = random.below(products)
    times[repeated] = (times[repeated] ?? 0) + 1
  }
  const windowMs = Math.max(SHORTEST_MS, activations / ACTIVATIONS_PER_MS)
  const sendings: Sending[] = []
  for (const [product, [productId, arrival]] of [...arrivals].entries()) {
    const first = random.between(BEFORE_MS[1], windowMs)
    for (let i = 1; i <= (times[product] ?? 1); i++) {
      const atMs = i === 1 ? first : first + atMostMs * random.between(...REPEATED)
      sendings.push({ atMs, type: 'activation', productId, activationId: `${productId}/${i}` })
    }
    const offset = informationOffset(arrival, atMostMs, random.between)
    if (offset !== undefined)
      sendings.push({ atMs: first + offset, type: 'information', productId, externalId: externalIdOf(productId) })
  }
  return { sendings: sendings.sort((a, b) => a.atMs - b.atMs), arrivals, activations }
}

/** The number of activations of products whose information arrives: each of them causes a call. */
export function expectedCalls({ sendings, arrivals }: TrafficPlan): number {
  return sendings.filter(({ type, productId }) => type === 'activation' && arrivals.get(productId) !== 'never').length
}

/** The id that the information of a product carries. */
export function externalIdOf(productId: string): string {
  return productId.replace('product', 'external')
}

/** Exact shares, each kind at least once if there are enough products. */
function arrivalsOf(products: number): Arrival[] {
  const least = products >= 4 ? 1 : 0
  const of = (arrival: keyof typeof SHARES): Arrival[] =>
    Array.from({ length: Math.max(least, Math.round(products * SHARES[arrival])) }, () => arrival)
  const after = [...of('soon'), ...of('late'), ...of('never')]
  return [...after, ...Array.from({ length: products - after.length }, (): Arrival => 'before')]
}

function informationOffset(
  arrival: Arrival,
  atMostMs: number,
  between: (least: number, most: number) => number,
): number | undefined {
  if (arrival === 'before') return -between(...BEFORE_MS)
  if (arrival === 'soon') return atMostMs * between(...SOON)
  if (arrival === 'late') return atMostMs * between(...LATE)
  return undefined
}
