import type { Claimant } from '../changelog/call-record.js'
import type { Clock } from '../clock.js'
import type { Duration } from '../duration.js'
import type { Guarantee, Log } from '../log/contract.js'
import type { StateStores } from '../store/contract.js'
import type { CacheOptions } from '../store/row-cache.js'
import type { AppEvent } from './app.js'

/** Options of `run`. `G`: what its log offers. */
export interface RunOptions<G extends Guarantee = 'exactly-once'> {
  /** Names the group, the transactional ids and the changelog. Instances of one application share it. */
  readonly application: string
  /** Where the topics are. */
  readonly log: Log<G>
  /**
   * What is promised of outputs. `'exactly-once'`: outputs, state and positions are one transaction. `'at-least-once'`: outputs
   * are appended, then positions are saved, so after a crash some come again, with the same `joinery-origin`. It keeps no
   * state: no `wait`, and every table's topic is compacted.
   * @defaultValue the strongest that the log offers
   */
  readonly guarantee?: NoInfer<G>
  /**
   * Where rows and waiting events are kept.
   * @defaultValue `memoryStores()`
   */
  readonly stores?: StateStores
  /**
   * How many rows are kept decoded above the stores, for each table in each task. What is left out is read and decoded
   * again when it is needed.
   * @defaultValue `{ bytes: '16MiB' }`
   */
  readonly cache?: CacheOptions
  /**
   * How often work is committed.
   * @defaultValue `'100ms'`
   */
  readonly commitEvery?: Duration
  /**
   * How long an input that is momentarily empty is waited for, so that timestamps decide; `'never'` does not even
   * wait for what is known to be on its way.
   * @defaultValue `'0ms'`
   */
  readonly maxIdle?: Duration | 'never'
  /**
   * Random bytes, for the tokens of claims.
   * @defaultValue `randomBytes` of `node:crypto`
   */
  readonly randomBytes?: (size: number) => Uint8Array
  /**
   * How this process is named to people who decide calls in doubt.
   * @defaultValue the machine's name, and the process id
   */
  readonly claimant?: Pick<Claimant, 'host' | 'pid'>
  /** @defaultValue the machine's clock */
  readonly clock?: Clock
  /** Closes the application when aborted. */
  readonly signal?: AbortSignal
  /** Told what happens. It must not throw: an error of it stops the application (`FUNCTION_THREW`). */
  readonly onEvent?: (event: AppEvent) => void
}
