/** A record to produce, or one that is expected. */
export interface WorkloadRecord {
  readonly key: string
  readonly value: Readonly<Record<string, string | number>>
}

const BASE = Date.UTC(2026, 10)
const CHANNELS = ['web', 'app', 'pos', 'api'] as const
const CATEGORIES = ['software/subscriptions', 'software/perpetual', 'services/support', 'hardware/devices'] as const
/** Every tenth row has a second version. */
const UPDATED = 10
const SPREAD = 7_919
const EXTERNAL_IDS = 100_000_000

const padded = (n: number, width: number): string => String(n).padStart(width, '0')
const isUpdated = (product: number): boolean => product % UPDATED === 0

/** The workload "activation": events that activate products, a table of products, and the expected results. */
export class ActivationWorkload {
  /** The number of products. */
  readonly rows: number

  constructor(rows: number) {
    this.rows = rows
  }

  /** All rows of the table: the latest version of a product comes last. */
  *information(): Generator<WorkloadRecord> {
    for (let product = 0; product < this.rows; product++) if (isUpdated(product)) yield this.#row(product, 1)
    for (let product = 0; product < this.rows; product++) yield this.#row(product, isUpdated(product) ? 2 : 1)
  }

  productId(product: number): string {
    return `p-${padded(product, 8)}`
  }

  /** @returns the product of an event: all products are equally frequent */
  productOf(event: number): number {
    return (Math.imul(event, 0x9e3779b1) >>> 0) % this.rows
  }

  activation(event: number, product: number): WorkloadRecord {
    const productId = this.productId(product)
    return {
      key: productId,
      value: {
        activationId: `a-${padded(event, 10)}`,
        productId,
        activatedAt: new Date(BASE + event).toISOString(),
        channel: CHANNELS[event % CHANNELS.length] as string,
      },
    }
  }

  /** @returns the result of an event */
  notification(event: number, product: number): WorkloadRecord {
    const { key, value } = this.activation(event, product)
    const { channel: _, ...activation } = value
    return { key, value: { ...activation, externalId: externalId(product, isUpdated(product) ? 2 : 1) } }
  }

  #row(product: number, version: number): WorkloadRecord {
    const productId = this.productId(product)
    return {
      key: productId,
      value: {
        productId,
        externalId: externalId(product, version),
        name: `Team plan, product number ${padded(product, 8)}`,
        category: CATEGORIES[product % CATEGORIES.length] as string,
        price: 10 + (product % 990) + (product % 100) / 100,
        updatedAt: new Date(BASE + product + version).toISOString(),
      },
    }
  }
}

function externalId(product: number, version: number): string {
  return `ext-${padded((product * SPREAD) % EXTERNAL_IDS, 8)}-${version}`
}

/** @returns the event that a record belongs to, from its value */
export const eventOf = ({ activationId }: { readonly activationId?: unknown }): number =>
  typeof activationId === 'string' && /^a-\d{10}$/.test(activationId) ? Number(activationId.slice(2)) : -1
