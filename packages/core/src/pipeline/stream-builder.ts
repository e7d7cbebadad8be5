import { BuiltCallPipeline } from './built-call-pipeline.js'
import { BuiltPipeline } from './built-pipeline.js'
import type {
  CallDescription,
  FilterStep,
  JoinStep,
  MapStep,
  PipelineDescription,
  StepDescription,
  ValueStep,
} from './description.js'
import type { OutputOptions } from './output-options.js'
import type { WritableTopic } from './topic.js'

/** The stream that a chain begins with, and its options. */
type Source = Omit<PipelineDescription, 'steps' | 'sink' | 'sinkOptions'>
type JoinArguments = [table: JoinStep['table'], joiner: JoinStep['joiner'], options?: JoinStep['options']]

/** A chain before any join. Builders are immutable and hold values of unknown type; `Stream` and `Joined` give them types. */
export class StreamBuilder {
  readonly kind = 'stream'
  readonly #source: Source
  readonly #steps: readonly ValueStep[]

  constructor(source: Source, steps: readonly ValueStep[] = []) {
    this.#source = source
    this.#steps = steps
  }

  filter(test: FilterStep['test']): StreamBuilder {
    return new StreamBuilder(this.#source, [...this.#steps, { type: 'filter', test }])
  }

  mapValues(map: MapStep['map']): StreamBuilder {
    return new StreamBuilder(this.#source, [...this.#steps, { type: 'mapValues', map }])
  }

  join(...join: JoinArguments): JoinedBuilder {
    return new JoinedBuilder(this.#source, this.#steps).join(...join)
  }

  leftJoin(...join: JoinArguments): JoinedBuilder {
    return new JoinedBuilder(this.#source, this.#steps).leftJoin(...join)
  }

  to(sink: WritableTopic<never, never>, sinkOptions: OutputOptions = {}): BuiltPipeline {
    return new BuiltPipeline({ ...this.#source, steps: this.#steps, sink, sinkOptions })
  }

  callOnce(call: CallDescription['call'], callOptions: CallDescription['callOptions'] = {}): BuiltCallPipeline {
    return new BuiltCallPipeline({
      ...this.#source,
      steps: this.#steps,
      call,
      callOptions,
      sink: undefined,
      sinkOptions: {},
    })
  }
}

/** A chain with at least one join. */
class JoinedBuilder {
  readonly kind = 'joined'
  readonly #source: Source
  readonly #steps: readonly StepDescription[]

  constructor(source: Source, steps: readonly StepDescription[]) {
    this.#source = source
    this.#steps = steps
  }

  filter(test: FilterStep['test']): JoinedBuilder {
    return this.#with({ type: 'filter', test })
  }

  mapValues(map: MapStep['map']): JoinedBuilder {
    return this.#with({ type: 'mapValues', map })
  }

  join(...[table, joiner, options = {}]: JoinArguments): JoinedBuilder {
    return this.#with({ type: 'join', kind: 'inner', table, joiner, options })
  }

  leftJoin(...[table, joiner, options = {}]: JoinArguments): JoinedBuilder {
    return this.#with({ type: 'join', kind: 'left', table, joiner, options })
  }

  to(sink: WritableTopic<never, never>, sinkOptions: OutputOptions = {}): BuiltPipeline {
    return new BuiltPipeline({ ...this.#source, steps: this.#steps, sink, sinkOptions })
  }

  #with(step: StepDescription): JoinedBuilder {
    return new JoinedBuilder(this.#source, [...this.#steps, step])
  }
}
