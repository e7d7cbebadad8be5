import {
  type App,
  json,
  type Log,
  memoryLog,
  run,
  stream,
  type Table,
  type Topic,
  table,
  text,
  topic,
} from '../../src/index.js'
import type { Pipeline } from '../../src/pipeline/pipeline.js'
import { type TestDriver, testDriver } from '../../src/testing.js'

export interface Activation {
  readonly productId: string
}
export interface Information {
  readonly externalId: string
}
export interface Notification extends Activation, Information {}

/** What short examples may use without declaring it. Whatever the packages export needs no import either. */
export interface Prelude {
  readonly productActivation: Topic<string, Activation>
  readonly productInformation: Topic<string, Information>
  readonly notifications: Topic<string, Notification>
  readonly information: Table<string, Information>
  readonly notify: Pipeline
  readonly log: Log<'exactly-once'>
  /** `notify`, running on `log`. */
  readonly app: App
  readonly driver: TestDriver
}

/** The names above. */
export const PRELUDE: ReadonlySet<string> = new Set<keyof Prelude>([
  'productActivation',
  'productInformation',
  'notifications',
  'information',
  'notify',
  'log',
  'app',
  'driver',
])

/** A prelude of an example's own. */
export async function openPrelude(used: ReadonlySet<string>): Promise<Partial<Prelude> & AsyncDisposable> {
  const productActivation = topic('product-activation', { key: text(), value: json<Activation>() })
  const productInformation = topic('product-information', { key: text(), value: json<Information>() })
  const notifications = topic('notifications', { key: text(), value: json<Notification>() })
  const information = table(productInformation)
  const deadLetter = 'product-activation.dead'
  const notify = stream(productActivation, { onError: { deadLetter } })
    .join(information, ({ productId }, { externalId }) => ({ productId, externalId }), {
      wait: { atMost: '30m', otherwise: { deadLetter } },
    })
    .to(notifications)
  const log = memoryLog({ topics: { 'product-information': { cleanup: 'compact' } } })
  const app = used.has('app') ? await run(notify, { application: 'docs', log }) : undefined
  const driver = used.has('driver') ? await testDriver(notify) : undefined
  await app?.ready
  return {
    productActivation,
    productInformation,
    notifications,
    information,
    notify,
    log,
    ...(app && { app }),
    ...(driver && { driver }),
    async [Symbol.asyncDispose]() {
      await app?.close()
      await driver?.[Symbol.asyncDispose]()
    },
  }
}
