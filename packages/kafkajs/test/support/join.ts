import { json, type Pipeline, stream, type Topic, table, text, topic } from '@joinery/core'

/** An event of the tests: one of many for a product. */
export interface Activation {
  readonly id: number
  readonly productId: string
}

export interface Information {
  readonly externalId: string
}

/** A join and its topics, for most tests. */
export interface TestJoin {
  readonly activations: Topic<string, Activation>
  readonly information: Topic<string, Information>
  readonly notifications: Topic<string, Activation & Information>
  readonly dead: string
  readonly pipeline: Pipeline
}

/** An inner join, which waits by default; `name` makes the names of its topics unique to the test. */
export function testJoin(
  name: (topic: string) => string,
  options: { readonly rows?: 'table-first' | 'by-timestamp'; readonly waits?: boolean } = {},
): TestJoin {
  const activations = topic(name('activation'), { key: text(), value: json<Activation>() })
  const information = topic(name('information'), { key: text(), value: json<Information>() })
  const notifications = topic(name('notification'), { key: text(), value: json<Activation & Information>() })
  const dead = name('dead')
  const pipeline = stream(activations, { onError: { deadLetter: dead } })
    .join(
      table(information, { order: options.rows ?? 'table-first' }),
      (activation, { externalId }) => ({ ...activation, externalId }),
      options.waits === false ? {} : { wait: { atMost: '1h', otherwise: { deadLetter: dead } } },
    )
    .to(notifications)
  return { activations, information, notifications, dead, pipeline }
}
