import { isJoineryError, json, memoryLog, type Pipeline, stream, table, topic } from '@joinery/core'
import { testDriver } from '@joinery/core/testing'
import { type Fields, isFields, type Scenario } from './scenario-file.js'
import { Difference, expectEqual, notSupported, OK, type Verdict } from './verdict.js'

const serdes = { key: json<string>(), value: json<string>() }

const joinOf = (streamTopic: string, tableTopic: string): Pipeline =>
  stream(topic(streamTopic, serdes))
    .join(table(topic(tableTopic, serdes)), (value, row) => value + row)
    .to(topic('out', serdes))

/** Runs a scenario of `configScenarios`: validation when a pipeline is defined. */
export async function runConfig(scenario: Scenario): Promise<Verdict> {
  const config = isFields(scenario.config) ? scenario.config : {}
  if (config.kind === 'globalTable') return notSupported('global tables')
  if (config.graceMs !== undefined) return notSupported('grace')
  const { streamTopic, tableTopic } = config
  if (
    typeof streamTopic !== 'string' ||
    typeof tableTopic !== 'string' ||
    !Array.isArray(scenario.expectCopartitionGroups)
  )
    throw new Error('unknown kind of config scenario')
  // the inputs of a pipeline must be co-partitioned
  expectEqual([joinOf(streamTopic, tableTopic).describe().inputs], scenario.expectCopartitionGroups, 'co-partitioned')
  return OK
}

/** Runs a scenario of `copartitionScenarios`: a join of topics with given partition counts. */
export async function runCopartition(scenario: Scenario): Promise<Verdict> {
  const { external, repartition } = scenario as { readonly external?: unknown; readonly repartition?: unknown }
  if (isFields(repartition) && Object.keys(repartition).length > 0) return notSupported('repartition topics')
  if (!isFields(external)) throw new Error('the scenario has no external topics')
  const [first, second, ...more] = Object.keys(external)
  if (first === undefined || second === undefined || more.length > 0)
    throw new Error('the scenario must have two external topics')
  const error = await startError(first, second, external)
  if ((error !== undefined) !== (scenario.expectError != null))
    throw new Difference(`expected ${String(scenario.expectError ?? 'no error')}, got ${error ?? 'none'}`)
  return OK
}

async function startError(first: string, second: string, external: Fields): Promise<string | undefined> {
  const topics = Object.fromEntries(
    Object.entries(external).map(([name, partitions]) => [name, { partitions: Number(partitions) }]),
  )
  try {
    await using _driver = await testDriver(joinOf(first, second), { log: (clock) => memoryLog({ clock, topics }) })
    return undefined
  } catch (error) {
    if (isJoineryError(error)) return error.code
    throw error
  }
}
