import { describe, expect, it } from 'vitest'
import { describeTopics } from '../../src/app/input-topics.js'
import { json, memoryLog, type Pipeline, stream, text, topic } from '../../src/index.js'
import { planApplication } from '../../src/pipeline/plan.js'
import { activations, DEAD, information, notifications, notify } from './activation.js'

/** @returns the topics that are described when an application starts, and which of them it writes to */
async function describedBy(pipeline: Pipeline) {
  const inner = memoryLog()
  const described: (readonly string[])[] = []
  const written: (readonly string[])[] = []
  const source = {
    ...inner.source,
    describe: (topics: readonly string[], outputs: readonly string[] = []) => {
      described.push(topics)
      written.push(outputs)
      return inner.source.describe(topics)
    },
  }
  const plan = planApplication('a', pipeline)
  await describeTopics({ application: 'a', plan, log: { ...inner, source } })
  return { described, written: written.flat() }
}

describe('the topics of an application', () => {
  it('are described together, so that one error names all that are missing, with those that it writes to', async () => {
    const { described, written } = await describedBy(notify())
    expect(described).toEqual([[activations.name, information.name, notifications.name, DEAD]])
    expect(written).toEqual([notifications.name, DEAD])
  })

  it('that it writes to include those for the results of calls and for calls in doubt', async () => {
    const asked = topic('asked', { key: text(), value: text() })
    const results = topic('results', { key: text(), value: json<number>() })
    const calls = stream(asked)
      .callOnce(async () => 1, { inDoubt: { deadLetter: 'in-doubt' } })
      .to(results)
    expect((await describedBy(calls)).written.toSorted()).toEqual(['in-doubt', 'results'])
  })
})
