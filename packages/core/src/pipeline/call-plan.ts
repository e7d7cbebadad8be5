import type { Duration } from '../duration.js'
import type { Decoder, Encoder } from '../serde/serde.js'
import type { CallDescription, ValueStep } from './description.js'
import { CALL_OPTIONS, STREAM_OPTIONS } from './option-names.js'
import { type OnError, OptionValidator } from './option-validator.js'

/** A checked pipeline of calls, ready to run. */
export interface CallPlan {
  readonly name: string
  readonly stream: string
  readonly key: Decoder<unknown>
  readonly value: Decoder<unknown>
  readonly onError: OnError
  readonly steps: readonly ValueStep[]
  readonly call: CallDescription['call']
  readonly id: ((value: unknown) => string) | undefined
  readonly namespace: string
  /** The topic of calls in doubt. */
  readonly inDoubt: string
  readonly timeoutMs: number
  readonly connectMs: number
  readonly headersMs: number
  readonly bodyMs: number
  readonly concurrency: number
  /** Whether a call in doubt blocks the others with its key. */
  readonly blocks: boolean
  /** How long a call with an unknown outcome is retried, in milliseconds; `undefined` if it never is. */
  readonly retryMs: number | undefined
  readonly retentionMs: number
  readonly maxReady: number
  readonly sink:
    | {
        readonly topic: string
        readonly encode: Encoder<unknown>
        /** `undefined` if the sink's serde only encodes. */
        readonly decode?: Decoder<unknown>
      }
    | undefined
  readonly timestamps: 'event' | 'now'
  /** All topics that the pipeline writes to. */
  readonly outputs: readonly string[]
}

/** With a timeout of zero, a call could never be made. */
const MIN_MS = 1
const MIN_RETENTION_MS = 1_000
type DurationOption = 'timeout' | 'connectTimeout' | 'headersTimeout' | 'bodyTimeout' | 'retryFor' | 'retention'

/** Checks a pipeline of calls. */
export function planCalls(
  application: string,
  { name, stream, options, steps, call, callOptions, sink, sinkOptions }: CallDescription,
  problem: (text: string) => void,
): CallPlan {
  const validator = new OptionValidator(problem)
  const ms = (option: DurationOption, defaultValue: Duration) =>
    validator.durationMs(
      `callOnce: ${option}`,
      callOptions[option] ?? defaultValue,
      option === 'retention' ? MIN_RETENTION_MS : MIN_MS,
    )
  const count = (option: 'concurrency' | 'maxReady', defaultValue: number): number => {
    const value = callOptions[option] ?? defaultValue
    if (!Number.isSafeInteger(value) || value < 1)
      problem(`callOnce: ${option} is ${value}: use a whole number of at least 1`)
    return value
  }
  const oneOf = <T extends string>(option: 'whenInDoubt' | 'mode', values: readonly T[]): T => {
    const value = callOptions[option] ?? values[0]
    if (!values.some((known) => known === value))
      problem(
        `callOnce: ${option} is ${JSON.stringify(value)}: use ${values.map((known) => `'${known}'`).join(' or ')}`,
      )
    return value as T
  }
  const { id, timeout = '30s', namespace = application } = callOptions
  if (typeof call !== 'function') problem('callOnce needs a function that makes the call')
  if (id !== undefined && typeof id !== 'function') problem('callOnce: id must be a function of the value')
  if (namespace === '') problem('callOnce: namespace is empty')
  if (sink !== undefined && sink.key.format !== stream.key.format)
    problem(
      `keys pass through unchanged, but stream ${stream.name} (${stream.key.format}) and output ${sink.name} (${sink.key.format}) have different formats`,
    )
  validator.names(`stream ${stream.name}`, options, STREAM_OPTIONS)
  validator.names('callOnce', callOptions, CALL_OPTIONS)
  const onError = validator.onError(`stream ${stream.name}`, options)
  const isRepeated = oneOf('mode', ['at-most-once', 'at-least-once']) === 'at-least-once'
  const plan = {
    name,
    stream: stream.name,
    key: stream.key,
    value: stream.value,
    onError,
    steps,
    call,
    id,
    namespace,
    inDoubt: validator.deadLetter('callOnce: inDoubt', callOptions.inDoubt),
    timeoutMs: ms('timeout', timeout),
    connectMs: ms('connectTimeout', '5s'),
    headersMs: ms('headersTimeout', timeout),
    bodyMs: ms('bodyTimeout', timeout),
    concurrency: count('concurrency', 8),
    blocks: oneOf('whenInDoubt', ['park', 'block']) === 'block',
    retryMs: isRepeated ? ms('retryFor', '24h') : undefined,
    retentionMs: ms('retention', '14d'),
    maxReady: count('maxReady', 1_000),
    timestamps: sink === undefined ? ('event' as const) : validator.timestamps(sink.name, sinkOptions),
    sink: sink && { topic: sink.name, encode: sink.value as Encoder<unknown>, ...decoderOf(sink.value) },
  }
  return { ...plan, outputs: [...new Set([...(sink === undefined ? [] : [sink.name]), ...validator.outputs])] }
}

const decoderOf = (serde: object): { readonly decode?: Decoder<unknown> } =>
  'decode' in serde ? { decode: serde as Decoder<unknown> } : {}
