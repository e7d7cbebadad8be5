import { BuiltPipeline } from './built-pipeline.js'
import type { CallDescription } from './description.js'
import type { OutputOptions } from './output-options.js'
import type { WritableTopic } from './topic.js'

/** A pipeline that ends in calls. It is complete without a sink; `to` adds one. */
export class BuiltCallPipeline extends BuiltPipeline<CallDescription> {
  to(sink: WritableTopic<never, never>, sinkOptions: OutputOptions = {}): BuiltCallPipeline {
    return new BuiltCallPipeline({ ...this.description, sink, sinkOptions })
  }
}
