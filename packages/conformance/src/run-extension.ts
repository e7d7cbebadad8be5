import { json, type Pipeline, stream, table, topic } from '@joinery/core'
import { type TestDriver, testDriver } from '@joinery/core/testing'
import { type Fields, isFields, numberOf, type Scenario, stepsOf } from './scenario-file.js'
import { expectEqual, OK, type Verdict } from './verdict.js'

type Json = string | number

const key = json<Json>()
const left = topic('left', { key, value: json<Json>() })
const right = topic('right', { key, value: json<Json>() })
const out = topic('out', { key, value: json<{ readonly left: Json; readonly right: Json | null }>() })

/** Runs a scenario of `extensionScenarios`: a join that waits, with the clock set to the time of each step. */
export async function runExtension(scenario: Scenario): Promise<Verdict> {
  const options = isFields(scenario.options) ? scenario.options : {}
  await using driver = await testDriver(pipelineOf(options), { now: 0 })
  for (const [i, step] of stepsOf(scenario).entries()) await play(driver, step, `step ${i + 1}`)
  return OK
}

function pipelineOf(options: Fields): Pipeline {
  const atMost = numberOf(options, 'maxWaitMs')
  const both = (value: Json, row: Json | undefined) => ({ left: value, right: row ?? null })
  const rows = table(right)
  if (options.join === 'left') return stream(left).leftJoin(rows, both, { wait: { atMost } }).to(out)
  if (options.join === 'inner')
    return stream(left)
      .join(rows, both, { wait: { atMost, otherwise: 'drop' } })
      .to(out)
  throw new Error(`unknown join ${String(options.join)}`)
}

async function play(driver: TestDriver, step: Fields, stepName: string): Promise<void> {
  if (step.op === 'restart') return driver.restart(step.clean === false ? 'crash' : 'clean')
  if (step.op !== undefined) throw new Error(`${stepName}: unknown op ${String(step.op)}`)
  if (step.side !== 'stream' && step.side !== 'table') throw new Error(`${stepName}: unknown side ${String(step.side)}`)
  const timestamp = numberOf(step, 'ts')
  const aheadMs = timestamp - driver.clock.now()
  if (aheadMs < 0) throw new Error(`${stepName}: time goes back`)
  await driver.advance(aheadMs)
  await driver.produce(step.side === 'stream' ? left : right, {
    key: step.key as Json,
    value: step.value as Json | null,
    timestamp,
  })
  const outputs = driver.consume(out).map((record) => ({ key: record.key, ...record.value }))
  expectEqual(outputs, step.expect, stepName)
}
