import { json, type Pipeline, stream, type Table, type Topic, table, text, topic } from '@joinery/core'

/** A product was activated; it may go out only with the product's row. */
export interface Activation {
  readonly id: number
  /** Nobody may ever see it in a log, a figure or a header. */
  readonly secret: string
  /** The joiner throws. */
  readonly isBad?: boolean
}

/** An order of a customer, whose row is nice to have. */
export interface Order {
  readonly id: number
}

/** A row of either table; versions of a key only go up. */
export interface Row {
  readonly version: number
}

/** What comes out: which row an event met. */
export interface Result {
  readonly id: number
  readonly version: number | null
}

/** Topics and pipelines of one application: an inner and a left join, both with `wait`. */
export interface Service {
  readonly application: string
  readonly activations: Topic<string, Activation>
  /** Compacted: it is its own changelog. */
  readonly information: Topic<string, Row>
  readonly notifications: Topic<string, Result>
  readonly orders: Topic<string, Order>
  /** Deletes old records: its rows are kept in the application's changelog. */
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

/** The service whose topics and application begin with `id`. */
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
