import { type App, isJoineryError, run } from '@joinery/core'
import { kafkaLog } from '@joinery/kafkajs'
import { poll } from '../poll.js'
import { type Activation, type ActivationJoin, activationJoin, type Information } from './activation-join.js'
import { PlainClient } from './plain-client.js'

const PARTITIONS = 2
const KEYS = 20
const STEP_MS = 60_000

/** The outcome of a join. */
export type JoinOutcome =
  | { readonly type: 'worked' }
  /** `run` refused the broker for good. */
  | { readonly type: 'refused'; readonly message: string }
  | { readonly type: 'failed'; readonly problems: readonly string[] }

/**
 * Runs the join of the README: events before their rows, after them, and one whose row never comes; then again after a
 * restart. Reads the results with another client.
 */
export async function joinWithRestart(brokers: readonly string[]): Promise<JoinOutcome> {
  const client = new PlainClient(brokers)
  const join = activationJoin('check')
  await client.createTopics(join, PARTITIONS)
  const keys = Array.from({ length: KEYS }, (_, i) => `k${i}`)
  const events = (from: number, of: readonly string[]) =>
    of.map((key, i) => ({ key, value: JSON.stringify({ id: from + i }) }))
  await client.produce(join.activations.name, [...events(0, keys), ...events(KEYS, ['never'])])
  try {
    const first = await running(brokers, join, async (app) => {
      const hasRead = await until(app, ({ in: read }) => read === KEYS + 1)
      await client.produce(
        join.information.name,
        keys.map((key) => ({ key, value: JSON.stringify({ key }) })),
      )
      await client.produce(join.activations.name, events(100, keys))
      return hasRead && until(app, ({ emitted, waiting }) => emitted === 2 * KEYS && waiting === 0)
    })
    const second = await running(brokers, join, async (app) => {
      await client.produce(join.activations.name, events(200, ['k1']))
      return until(app, ({ emitted }) => emitted === 2 * KEYS + 1)
    })
    const problems = [
      ...(first ? [] : ['not every event came out before the restart']),
      ...(second ? [] : ['the event after the restart did not come out']),
      ...(await wrongResults(client, join)),
    ]
    return problems.length === 0 ? { type: 'worked' } : { type: 'failed', problems }
  } catch (error) {
    if (isJoineryError(error) && error.code === 'CLIENT_UNSUPPORTED' && !error.retriable)
      return { type: 'refused', message: error.message }
    return { type: 'failed', problems: [String(error)] }
  }
}

async function running<T>(brokers: readonly string[], join: ActivationJoin, use: (app: App) => Promise<T>): Promise<T> {
  await using log = kafkaLog({ brokers: [...brokers] })
  await using app = await run(join.pipeline, { application: join.application, log })
  await app.ready
  return await use(app)
}

type Totals = ReturnType<App['metrics']>['pipelines'][string]

function until(app: App, isReached: (totals: Totals) => boolean): Promise<boolean> {
  return poll(() => Object.values(app.metrics().pipelines).some(isReached), STEP_MS)
}

/** @returns what is wrong in the topics that were written */
async function wrongResults(client: PlainClient, { notifications, dead }: ActivationJoin): Promise<readonly string[]> {
  const outputs = await client.committed(notifications.name)
  const values = outputs.map(({ key, value }) => ({ at: key, ...(JSON.parse(value) as Activation & Information) }))
  const letters = await client.committed(dead)
  const expected = 2 * KEYS + 1
  const distinct = new Set(values.map(({ id }) => id)).size
  const wrong = values.filter(({ at, key }) => at !== key).length
  const reasons = letters.map(({ headers }) => String(headers['joinery-reason']))
  return [
    ...(outputs.length === expected ? [] : [`${outputs.length} outputs instead of ${expected}`]),
    ...(distinct === expected ? [] : [`${distinct} distinct outputs instead of ${expected}`]),
    ...(wrong === 0 ? [] : [`${wrong} outputs with another row`]),
    ...(reasons.join() === 'no-row' ? [] : [`dead letters with reasons [${reasons}] instead of no-row`]),
  ]
}
