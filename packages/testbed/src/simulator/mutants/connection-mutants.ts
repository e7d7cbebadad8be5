import { type Mutant, mutantOf } from './mutant.js'

const mutant = mutantOf('joins')

const BROKER_CONNECTION = 'kafkajs/src/connection/broker-connection.ts'
const CLUSTER = 'kafkajs/src/connection/kafka-cluster.ts'
const FETCH_SESSION = 'kafkajs/src/reader/fetch-session.ts'
const PENDING = 'kafkajs/src/connection/pending-requests.ts'

/** Mistakes in connections to brokers. */
export const CONNECTION_MUTANTS: readonly Mutant[] = [
  mutant(
    'a request without a response never times out',
    PENDING,
    'if (waitedMs > timeoutMs) {',
    'if (waitedMs > this.#timeoutMs * 1e9) {',
  ),
  {
    name: 'responses are matched in order after a timeout',
    workload: 'joins',
    edits: [
      {
        file: PENDING,
        find: '        this.#listener.timedOut(request, timeoutMs + maxWaitMs)\n        return\n',
        replace: [
          'for (const [id, each] of this.#pending) if (each === request) this.#pending.delete(id)',
          "request.reject(new Error('timed out'))",
          'continue\n',
        ].join('\n'),
      },
      {
        file: PENDING,
        find: '    const request = this.#pending.get(id)\n',
        replace:
          '    for (const oldest of this.#pending.keys()) {\n      id = oldest\n      break\n    }\n    const request = this.#pending.get(id)\n',
      },
    ],
  },
  mutant(
    'requests of a lost connection never fail',
    PENDING,
    'for (const { reject } of this.#pending.values()) reject(error)',
    '',
  ),
  mutant(
    'a connection that has ended is used again',
    BROKER_CONNECTION,
    'return this.#error === undefined && !this.#isRetired',
    'return !this.#isRetired',
  ),
  mutant(
    'the versions of one broker are used for all',
    BROKER_CONNECTION,
    '    this.#versions = new BrokerVersions(this.#address, apiKeys)',
    [
      'const known = this.#options.clock as { versions?: BrokerVersions }',
      'known.versions ??= new BrokerVersions(this.#address, apiKeys)',
      'this.#versions = known.versions',
    ].join('\n'),
  ),
  mutant(
    'a throttled connection is used at once',
    BROKER_CONNECTION,
    'if (this.throttledUntil > this.#now()) await this.#unthrottled()',
    '',
  ),
  mutant(
    'a missing API is not noticed',
    BROKER_CONNECTION,
    '      connection.#versions.require(options.required)\n',
    '',
  ),
  mutant(
    'partitions of an unresponsive broker are not looked up',
    CLUSTER,
    'onUnresponsive: (node, sentAt) => void this.#checkUnresponsive(node, sentAt),',
    'onUnresponsive: () => {},',
  ),
  mutant(
    'an overdue request is reported only once',
    PENDING,
    '        this.#reportedAt = now\n',
    '        this.#reportedAt = Number.POSITIVE_INFINITY\n',
  ),
  mutant(
    'a connection that could not be opened is not opened again',
    'kafkajs/src/connection/kafka-brokers.ts',
    'opening.opened.catch(() => this.#connections.get(id) === opening && this.#connections.delete(id))',
    'opening.opened.catch(() => {})',
  ),
  mutant(
    'a coordinator that did not respond is asked again',
    'kafkajs/src/connection/coordinator.ts',
    'if (this.#node === node) this.forget()',
    '',
  ),
  mutant(
    'a broker that is no longer the coordinator is asked again',
    'kafkajs/src/writer/transaction-coordinator.ts',
    'if (isCoordinatorMoved(errorCode)) this.#coordinator.forget()',
    '',
  ),
  mutant(
    'the reader does not look up a leader that has moved',
    'kafkajs/src/reader/fetcher.ts',
    'moved.length > 0 && (await this.#refresh(moved))',
    'moved.length < 0 && (await this.#refresh(moved))',
  ),
  mutant(
    'the writer does not look up a leader that has moved',
    'kafkajs/src/writer/producer.ts',
    '        beforeRetry: () =>\n          this.#cluster.refresh([...new Set(unacknowledged.map(({ topic }) => topic))]).catch(() => {}),\n',
    '',
  ),
  mutant(
    'brokers without features are taken for the latest',
    CLUSTER,
    '?.maxVersionLevel ?? 0',
    '?.maxVersionLevel ?? 2',
  ),
  mutant(
    'a fetch session does not name a new position',
    FETCH_SESSION,
    'if (known !== undefined && isSame(known, requested)) continue',
    'if (known !== undefined) continue',
  ),
  mutant(
    'a fetch session continues after a failed request',
    FETCH_SESSION,
    '      this.#restart()\n      if (isOver) return []',
    '      if (isOver) return []',
  ),
  mutant(
    'a new fetch session does not name what the one before had',
    FETCH_SESSION,
    '    this.#epoch = FIRST_EPOCH\n    this.#partitions.clear()',
    '    this.#epoch = FIRST_EPOCH',
  ),
  mutant(
    'a new reader of a partition gets only what is news for the one before',
    FETCH_SESSION,
    '    if (this.#hasNewReader(readers)) this.#restart()\n',
    '',
  ),
]
