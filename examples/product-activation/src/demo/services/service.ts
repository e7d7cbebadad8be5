import { type App, type Metrics, type Pipeline, type RunOptions, run } from '@joinery/core'
import { crash } from '@joinery/core/testing'

/** A service that runs, in this process or in a separate one. */
export interface Service {
  /** Resolves when it runs; rejects with the error that stopped it before. */
  readonly ready: Promise<void>
  /** Resolves when it has closed; rejects with the error that stopped it. */
  readonly closed: Promise<void>
  /** Its metrics; after its end, the last ones. */
  metrics(): Promise<Metrics>
  /** Shuts it down gracefully. */
  close(): Promise<void>
  /** Ends it as a crash does. */
  crash(): Promise<void>
}

/** In this process. A crash ends the application without closing it: nothing is committed or reported. */
export async function startInProcess(pipeline: Pipeline, options: RunOptions): Promise<Service> {
  const app: App = await run(pipeline, options)
  return {
    ready: app.ready,
    closed: app.closed,
    metrics: async () => app.metrics(),
    close: () => app.close(),
    crash: () => crash(app),
  }
}
