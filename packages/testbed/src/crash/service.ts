import { json, type Pipeline, stream, type Table, type Topic, table, text, topic } from '@joinery/core'

/** The activation of a product. It may be published only with the product's row. */
export interface Activation {
  readonly id: number
  /** Must never appear in a log, a statistic or a header. */
  readonly secret: string
  /** Makes the joiner throw. */
  readonly isBad?: boolean
}

/** An order of a customer. It is published with or without the customer's row. */
export interface Order {
  readonly id: number
}

/** A row of either table. The versions of a key only increase. */
export interface Row {
  readonly version: number
}

/** The result: the event, and the row that it was joined with. */
export interface Result {
  readonly id: number
  readonly version: number | null
}

/** Topics and pipelines of one application: an inner and a left join, both with `wait`. */
export interface Service {
  readonly application: string
  readonly activations: Topic<string, Activation>
  /** Compacted, so that it serves as its own changelog. */
  readonly information: Topic<string, Row>
  readonly notifications: Topic<string, Result>
  readonly orders: Topic<string, Order>
  /** Deletes old records, so that its rows are kept in the application's changelog. */
  readonly customers: Topic<string, Row>
  readonly enriched: Topic<string, Result>
  readonly dead: string
  readonly pipelines: readonly Pipeline[]
  readonly tables: readonly Table<string, Row>[]
}

/** How long an activation waits for its product's row. */
export const ACTIVATION_WAIT_MS = 3_000
/** How long an order waits for its customer's row. */
export const ORDER_WAIT_MS = 1_000
export const MAX_WAITERS = 20_000

/** @returns the service whose topics and application start with `id` */
export function service(id: string): Service {
  const of = <T>(name: string) => topic(`${id}.${name}`, { key: text(), value: json<T>() })
  const activations = of<Activation>('activations')
  const information = of<Row>('information')
  const notifications = of<Result>('notifications')
  const orders = of<Order>('orders')
  const customers = of<Row>('customers')
  const enriched = of<Result>('enriched')
  const dead = `${id}.dead`
  const onError = { deadLetter: dead }
  const products = table(information, { onError })
  const people = table(customers, { onError })
  const notify = stream(activations, { onError })
    .join(products, notification, {
      wait: { atMost: `${ACTIVATION_WAIT_MS}ms`, otherwise: { deadLetter: dead }, maxRecords: MAX_WAITERS },
    })
    .to(notifications)
  const enrich = stream(orders, { onError })
    .leftJoin(people, ({ id }, row) => ({ id, version: row?.version ?? null }), {
      wait: { atMost: `${ORDER_WAIT_MS}ms`, maxRecords: MAX_WAITERS },
    })
    .to(enriched)
  return {
    application: id,
    activations,
    information,
    notifications,
    orders,
    customers,
    enriched,
    dead,
    pipelines: [notify, enrich],
    tables: [products, people],
  }
}

function notification({ id, isBad }: Activation, { version }: Row): Result {
  if (isBad) throw new Error('this activation is bad')
  return { id, version }
}
