import { type ConsumerRecord, type Headers, json, type Pipeline, stream, table, topic } from '@joinery/core'
import { type TestDriver, testDriver } from '@joinery/core/testing'
import { joinerOf } from './joiners.js'
import { type Fields, isFields, numberOf, type Scenario, stepsOf } from './scenario-file.js'
import { canonical, Difference, expectEqual, notSupported, OK, type Verdict } from './verdict.js'

type Json = string | number | null

const serdes = { key: json<Json>(), value: json<Json>() }
const left = topic('left', serdes)
const right = topic('right', serdes)
const out = topic('out', serdes)

/** Later than every timestamp of the scenarios, so that none is clamped because it is in the future. */
const NOW = 4_000_000_000_000

/** Runs a scenario of `joinScenarios`. */
export async function runJoin(scenario: Scenario): Promise<Verdict> {
  const options = isFields(scenario.options) ? scenario.options : {}
  if (scenario.kind === 'globalTable') return notSupported('global tables')
  if (scenario.kind !== 'table') throw new Error(`unknown kind ${String(scenario.kind)}`)
  if (options.versioned === true) return notSupported('versioned tables')
  if (options.graceMs != null) return notSupported('grace')
  if (options.keyMapper !== 'identity') throw new Error(`unknown keyMapper ${String(options.keyMapper)} for a table`)
  await using driver = await testDriver(pipelineOf(scenario, options), { now: NOW })
  for (const [i, step] of stepsOf(scenario).entries()) await play(driver, step, `step ${i + 1}`)
  return OK
}

function pipelineOf({ join }: Scenario, { joiner: name }: Fields): Pipeline {
  const joiner = joinerOf(name)
  const rows = table(right)
  if (join === 'left')
    return stream(left)
      .leftJoin(rows, (value, row, { key }) => joiner(value, row, key) as Exclude<Json, null>)
      .to(out)
  if (join === 'inner')
    return stream(left)
      .join(rows, (value, row, { key }) => joiner(value, row, key) as Exclude<Json, null>)
      .to(out)
  throw new Error(`unknown join ${String(join)}`)
}

async function play(driver: TestDriver, step: Fields, stepName: string): Promise<void> {
  if (step.op === 'restart') return driver.restart(step.clean === false ? 'crash' : 'clean')
  if (step.op !== undefined) throw new Error(`${stepName}: unknown op ${String(step.op)}`)
  if (step.side !== 'stream' && step.side !== 'table') throw new Error(`${stepName}: unknown side ${String(step.side)}`)
  const dropped = countDropped(driver)
  await driver.produce(step.side === 'stream' ? left : right, {
    key: step.key as Json,
    value: step.value as Json,
    timestamp: numberOf(step, 'ts'),
    headers: headersOf(step.headers),
  })
  expectOutputs(driver.consume(out), step.expect, stepName)
  if (step.dropped !== undefined) expectEqual(countDropped(driver) - dropped, step.dropped, `${stepName}, dropped`)
}

/** @returns the number of dropped records, except those without a row */
function countDropped(driver: TestDriver): number {
  return Object.entries(driver.metrics().dropped).reduce(
    (sum, [reason, count]) => (reason === 'no-row' ? sum : sum + (count ?? 0)),
    0,
  )
}

function expectOutputs(records: readonly ConsumerRecord<Json, Json>[], expected: unknown, stepName: string): void {
  if (!Array.isArray(expected)) throw new Error(`${stepName} has no list: expect`)
  const outputs = records.map(({ key, value, timestamp, headers }, i) => {
    const hasHeaders = isFields(expected[i]) && expected[i].headers !== undefined
    const userHeaders = headers.filter(([name]) => !name.startsWith('joinery-'))
    return { key, value, ts: timestamp, ...(hasHeaders && { headers: plain(userHeaders) }) }
  })
  const normalised = expected.map((output: unknown) =>
    isFields(output) && output.headers !== undefined
      ? { ...output, headers: plain(headersOf(output.headers)) }
      : output,
  )
  if (canonical(outputs) !== canonical(normalised))
    throw new Difference(`${stepName}: expected ${canonical(normalised)}, got ${canonical(outputs)}`)
}

const plain = (headers: Headers): (readonly [string, string | null])[] =>
  headers.map(([name, value]) => [name, value === null ? null : Buffer.from(value).toString()])

/** Converts headers, which scenarios write as pairs, as objects with key and value, or as one object. */
function headersOf(headers: unknown): Headers {
  if (headers == null) return []
  const pairs: readonly unknown[] = Array.isArray(headers) ? headers : Object.entries(headers)
  return pairs.map((pair) => {
    const [name, value] = isFields(pair) ? [pair.key, pair.value] : (pair as readonly unknown[])
    return [String(name), value == null ? null : Buffer.from(String(value))] as const
  })
}
