import { duration } from '@joinery/core'
import { type InputOrder, inputOrder } from '@joinery/core/testing'
import { type Fields, numberOf, type Scenario, stepsOf, textOf } from './scenario-file.js'
import { expectEqual, OK, type Verdict } from './verdict.js'

/** Runs a scenario of `interleavingScenarios`. */
export async function runInterleaving(scenario: Scenario): Promise<Verdict> {
  const idle = numberOf(scenario, 'maxTaskIdleMs')
  const order = inputOrder(namesOf(scenario.partitions), { maxIdle: idle < 0 ? 'never' : duration(`${idle}ms`) })
  for (const [i, step] of stepsOf(scenario).entries()) play(order, step, `step ${i + 1}`)
  return OK
}

function play(order: InputOrder, step: Fields, what: string): void {
  switch (step.op) {
    case 'add':
      order.add(textOf(step, 'partition'), ...(step.ts as readonly number[]))
      return
    case 'lag':
      order.setLag(textOf(step, 'partition'), step.lag === null ? undefined : numberOf(step, 'lag'))
      return
    case 'ready':
      expectEqual(order.isReady(numberOf(step, 'now')), step.expect, `${what}, ready`)
      return
    case 'next': {
      const taken = order.next()
      const next = taken && {
        partition: taken.input,
        ts: taken.timestamp,
        streamTime: taken.streamTime,
        lateness: taken.latenessMs,
      }
      expectEqual(next ?? null, step.expect, `${what}, next`)
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
      throw new Error(`${what}: unknown op ${String(step.op)}`)
  }
  if (step.expectBuffered !== undefined) expectEqual(order.buffered, step.expectBuffered, `${what}, buffered`)
  if (step.expectAllBuffered !== undefined)
    expectEqual(order.isAllBuffered, step.expectAllBuffered, `${what}, all buffered`)
  if (step.expectStreamTime !== undefined) expectEqual(order.streamTime, step.expectStreamTime, `${what}, stream time`)
}

function namesOf(partitions: unknown): readonly string[] {
  if (!Array.isArray(partitions) || !partitions.every((name) => typeof name === 'string'))
    throw new Error('partitions is not a list of names')
  return partitions
}
