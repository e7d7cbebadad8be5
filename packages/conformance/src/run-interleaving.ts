import { type InputOrder, inputOrder } from '@joinery/core/testing'
import { type Fields, numberOf, type Scenario, stepsOf, stringOf } from './scenario-file.js'
import { expectEqual, OK, type Verdict } from './verdict.js'

/** Runs a scenario of `interleavingScenarios`. */
export async function runInterleaving(scenario: Scenario): Promise<Verdict> {
  const maxIdleMs = numberOf(scenario, 'maxTaskIdleMs')
  const order = inputOrder(namesOf(scenario.partitions), { maxIdle: maxIdleMs < 0 ? 'never' : maxIdleMs })
  for (const [i, step] of stepsOf(scenario).entries()) play(order, step, `step ${i + 1}`)
  return OK
}

function play(order: InputOrder, step: Fields, stepName: string): void {
  switch (step.op) {
    case 'add':
      order.add(stringOf(step, 'partition'), ...(step.ts as readonly number[]))
      return
    case 'lag':
      order.setLag(stringOf(step, 'partition'), step.lag === null ? undefined : numberOf(step, 'lag'))
      return
    case 'ready':
      expectEqual(order.isReady(numberOf(step, 'now')), step.expect, `${stepName}, ready`)
      return
    case 'next': {
      const taken = order.next()
      const next = taken && {
        partition: taken.input,
        ts: taken.timestamp,
        streamTime: taken.streamTime,
        lateness: taken.latenessMs,
      }
      expectEqual(next ?? null, step.expect, `${stepName}, next`)
      return
    }
    case 'setPartitionTime':
      order.observe(numberOf(step, 'ts'))
      break
    case 'setPartitions':
      order.setInputs(namesOf(step.partitions))
      break
    case 'clear':
      order.clear()
      break
    default:
      throw new Error(`${stepName}: unknown op ${String(step.op)}`)
  }
  if (step.expectBuffered !== undefined) expectEqual(order.buffered, step.expectBuffered, `${stepName}, buffered`)
  if (step.expectAllBuffered !== undefined)
    expectEqual(order.isAllBuffered, step.expectAllBuffered, `${stepName}, all buffered`)
  if (step.expectStreamTime !== undefined)
    expectEqual(order.streamTime, step.expectStreamTime, `${stepName}, stream time`)
}

function namesOf(partitions: unknown): readonly string[] {
  if (!Array.isArray(partitions) || !partitions.every((name) => typeof name === 'string'))
    throw new Error('partitions is not a list of names')
  return partitions
}
