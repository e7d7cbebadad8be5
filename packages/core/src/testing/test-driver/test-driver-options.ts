import type { AppEvent } from '../../app/app-event.js'
import type { Guarantee, Log } from '../../log/contract.js'
import type { StateStores } from '../../store/contract.js'
import type { CacheOptions } from '../../store/row-cache.js'
import type { ManualClock } from '../manual-clock.js'

/** Options of {@link testDriver}. `G` is the guarantee that its log offers. */
export interface TestDriverOptions<G extends Guarantee = Guarantee> {
  /**
   * The initial wall-clock time, in milliseconds since the epoch.
   * @defaultValue the time of the machine
   */
  readonly now?: number
  /**
   * The partition count of every topic, which is also the number of tasks.
   * @defaultValue `1`
   */
  readonly partitions?: number
  /**
   * The stores for rows and events that wait.
   * @defaultValue `memoryStores()`
   */
  readonly stores?: StateStores
  /**
   * The row cache, as in the options of `run`.
   * @defaultValue `{ bytes: '16MiB' }`
   */
  readonly cache?: CacheOptions
  /**
   * The guarantee, as in the options of `run`.
   * @defaultValue the strongest that the log offers
   */
  readonly guarantee?: NoInfer<G>
  /**
   * Creates the log, for example one that fails.
   *
   * @returns the log that the application runs on
   * @defaultValue an in-memory log, in which the topics of tables are compacted
   */
  readonly log?: (clock: ManualClock) => Log<G>
  /** Receives every event of the application, as in the options of `run`. */
  readonly onEvent?: (event: AppEvent) => void
}
