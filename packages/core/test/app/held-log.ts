import { memoryLog } from '../../src/index.js'
import type { FetchedEnds, Guarantee, Log } from '../../src/log.js'
import type { ManualClock } from '../../src/testing.js'

/** A log on which an open transaction of another producer holds up a stream. */
export interface HeldLog {
  readonly log: Log<Guarantee>
  /** The log behind it, to which the test produces. */
  readonly inner: ReturnType<typeof memoryLog>
  /** @param heldOffsets how many offsets of the stream cannot be read, from the first one on; 0 ends the transaction */
  readonly hold: (heldOffsets: number) => void
}

/** @param stream its records are only said to be held up: they can be read */
export function heldLog(clock: ManualClock, stream: string): HeldLog {
  const inner = memoryLog({ clock })
  let ends: FetchedEnds = { lastStableOffset: 0, highWatermark: 0 }
  const source = {
    describe: inner.source.describe.bind(inner.source),
    endOffset: inner.source.endOffset.bind(inner.source),
    earliestOffset: inner.source.earliestOffset.bind(inner.source),
    read: inner.source.read.bind(inner.source),
    fetchedEnds: ({ topic }: { readonly topic: string }) => (topic === stream ? ends : undefined),
  }
  return {
    log: { ...inner, source, [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose]() },
    inner,
    hold: (heldOffsets) => {
      ends = { lastStableOffset: 0, highWatermark: heldOffsets }
    },
  }
}

const STEP_MS = 50

/**
 * Lets time pass in small steps, so that what comes of each is done before the next.
 *
 * @param each is called every 300 ms
 */
export async function pass(
  clock: ManualClock,
  ms: number,
  each: (i: number) => Promise<void> = async () => {},
): Promise<void> {
  for (let passed = 0, i = 0; passed < ms; passed += STEP_MS) {
    if (passed % 300 === 0) await each(i++)
    await clock.advance(STEP_MS)
  }
}
