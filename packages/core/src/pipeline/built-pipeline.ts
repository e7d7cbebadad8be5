import { deadLetterTopic, isDeadLetter } from './dead-letter.js'
import type { CallDescription, PipelineDescription, StepDescription } from './description.js'
import type { Pipeline, TopologyDescription } from './pipeline.js'

/** A pipeline with the description behind it. */
export class BuiltPipeline<D extends PipelineDescription | CallDescription = PipelineDescription> implements Pipeline {
  readonly kind = 'pipeline'
  readonly description: D

  constructor(description: D) {
    this.description = description
  }

  get name(): string {
    return this.description.name
  }

  describe(): TopologyDescription {
    const { stream, sink } = this.description
    const steps: readonly StepDescription[] = this.description.steps
    const tables = [...new Set(steps.flatMap((step) => (step.type === 'join' ? [step.table.topic.name] : [])))]
    const deadLetters = targetsOf(this.description).filter(isDeadLetter).map(deadLetterTopic)
    const outputs = [...new Set([...(sink === undefined ? [] : [sink.name]), ...deadLetters])]
    return { inputs: [stream.name, ...tables], outputs, stores: tables }
  }
}

/** @returns the options that may name a dead-letter topic */
function targetsOf(description: PipelineDescription | CallDescription): readonly unknown[] {
  const { onError } = description.options
  if ('call' in description) return [onError, description.callOptions.inDoubt]
  const ofJoins = description.steps.flatMap((step) => {
    if (step.type !== 'join') return []
    const { table, options } = step
    const { wait } = options
    return [table.options.onError, wait?.otherwise, wait?.whenFull]
  })
  return [onError, ...ofJoins]
}

/** @returns the description behind a pipeline */
export function describePipeline(pipeline: Pipeline): PipelineDescription | CallDescription {
  if (pipeline instanceof BuiltPipeline) return pipeline.description as PipelineDescription | CallDescription
  throw new TypeError('not a pipeline: end the chain with .to(topic), and use one copy of @joinery/core')
}
