import { eventOf, type WorkloadRecord } from './activation-workload.js'

interface SentEvent {
  readonly product: number
  readonly dueAt: number
  outputs: number
  /** When the first output was received, and from which partition. */
  receivedAt: number
  partition: number
}

/** An output as the consumer has received it. */
export interface Output {
  readonly key: string
  readonly value: string
  readonly partition: number
  /** When it was received. */
  readonly at: number
}

/** What must not be: outputs that are missing, duplicated, or different from the expected ones. */
export interface Violations {
  readonly lost: number
  readonly doubled: number
  readonly wrong: number
}

/** Compares every output with the event that it belongs to, and measures the time from when the event was due to the output. */
export class OutputCheck {
  readonly #expected: (event: number, product: number) => WorkloadRecord
  readonly #sent: SentEvent[] = []
  #outstanding = 0
  #doubled = 0
  #wrong = 0
  #latestAt = 0

  constructor(expected: (event: number, product: number) => WorkloadRecord) {
    this.#expected = expected
  }

  /** The number of the next event. */
  get nextEvent(): number {
    return this.#sent.length
  }

  /** The number of events without an output. */
  get outstanding(): number {
    return this.#outstanding
  }

  /** When the latest output was received. */
  get latestAt(): number {
    return this.#latestAt
  }

  get violations(): Violations {
    return { lost: this.#outstanding, doubled: this.#doubled, wrong: this.#wrong }
  }

  /** Adds the next event. */
  sent(product: number, dueAt: number): void {
    this.#sent.push({ product, dueAt, outputs: 0, receivedAt: Number.NaN, partition: -1 })
    this.#outstanding++
  }

  received({ key, value, partition, at }: Output): void {
    this.#latestAt = at
    const actual = parsed(value)
    const number = eventOf(actual)
    const event = this.#sent[number]
    if (event === undefined || !isEqual(this.#expected(number, event.product), key, actual)) {
      this.#wrong++
      return
    }
    if (++event.outputs > 1) {
      this.#doubled++
      return
    }
    event.receivedAt = at
    event.partition = partition
    this.#outstanding--
  }

  /**
   * @param isMeasured whether the outputs of a partition count
   * @returns the latencies of the events that were due from one time until another, in ascending order
   */
  latencies(from: number, until: number, isMeasured: (partition: number) => boolean): number[] {
    return this.#sent
      .filter(({ dueAt, outputs, partition }) => dueAt >= from && dueAt < until && outputs > 0 && isMeasured(partition))
      .map(({ dueAt, receivedAt }) => receivedAt - dueAt)
      .sort((a, b) => a - b)
  }
}

function parsed(value: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(value))
  } catch {
    return {}
  }
}

/** Whether an output has the expected key and exactly the expected fields. */
function isEqual(expected: WorkloadRecord, key: string, actual: Readonly<Record<string, unknown>>): boolean {
  const fields = Object.entries(expected.value)
  return (
    key === expected.key &&
    fields.length === Object.keys(actual).length &&
    fields.every(([name, value]) => actual[name] === value)
  )
}
