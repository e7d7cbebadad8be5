import type { TopicInfo } from '../log/contract.js'
import type { OnError } from '../pipeline/option-validator.js'
import type { ApplicationPlan } from '../pipeline/plan.js'

type Topics = ReadonlyMap<string, TopicInfo>

/** No topic accepts more, in bytes. */
const UNBOUNDED = 2 ** 31 - 1

/**
 * Which outputs lose records by their configuration. The application runs all the same.
 *
 * @param topics the inputs and the outputs
 * @returns problems, as text
 */
export function outputProblems(plan: ApplicationPlan, topics: Topics): readonly string[] {
  const compacted = deadLetterTopics(plan).flatMap(([, target]) => {
    const { cleanup = 'delete' } = topics.get(target) ?? {}
    return cleanup === 'delete'
      ? []
      : [
          `dead-letter topic ${target} has cleanup.policy ${cleanup}: only the last dead letter with each key is kept, and none without a key is accepted; set it to delete`,
        ]
  })
  return [...new Set([...compacted, ...retentionProblems(plan, topics)])]
}

/**
 * Which dead-letter topics may not accept a dead letter of a large record, because it has more headers. Topics of the same
 * size are usual, and large records are not.
 *
 * @param topics the inputs and the outputs
 * @returns notices, as text
 */
export function tightDeadLetterTopics(plan: ApplicationPlan, topics: Topics): readonly string[] {
  const tight = deadLetterTopics(plan).flatMap(([input, target]) => {
    const [from, to] = [topics.get(input)?.maxMessageBytes ?? 0, topics.get(target)?.maxMessageBytes ?? UNBOUNDED]
    return to > from || to >= UNBOUNDED
      ? []
      : [
          `max.message.bytes of dead-letter topic ${target} is ${to}, which is not larger than that of ${input} (${from}): headers are added to a dead letter, so that of a large record may not fit`,
        ]
  })
  return [...new Set(tight)]
}

/**
 * An output has the timestamp of its event, unless its sink has `timestamps: 'now'`: if the event may wait for longer than the topic
 * keeps it, brokers delete it immediately.
 */
function retentionProblems(plan: ApplicationPlan, topics: Topics): string[] {
  const letters = new Set(deadLetterTopics(plan).map(([, target]) => target))
  return plan.pipelines.flatMap(({ name, joins, outputs, sink, timestamps }) => {
    const atMostMs = Math.max(0, ...joins.map(({ wait }) => wait?.atMostMs ?? 0))
    const withTimestampOfEvent = outputs.filter(
      (topic) => timestamps === 'event' || topic !== sink || letters.has(topic),
    )
    return withTimestampOfEvent.flatMap((topic) => {
      const { retentionMs = Number.POSITIVE_INFINITY } = topics.get(topic) ?? {}
      return atMostMs < retentionMs
        ? []
        : [
            `retention.ms of ${topic} is ${retentionMs}, and an event of pipeline ${name} may wait for ${atMostMs} ms: its output, which has its timestamp, may be deleted immediately`,
          ]
    })
  })
}

/** @returns each input with its dead-letter topics */
function deadLetterTopics({ pipelines, calls, tables }: ApplicationPlan): (readonly [input: string, target: string])[] {
  const of = (input: string, ...targets: readonly (string | undefined)[]) =>
    targets.flatMap((target) => (target === undefined ? [] : [[input, target] as const]))
  return [
    ...pipelines.flatMap(({ stream, onError, joins }) => [
      ...of(stream, targetOf(onError)),
      ...joins.flatMap(({ wait }) => of(stream, wait?.otherwise, wait?.deadLetterWhenFull)),
    ]),
    ...calls.flatMap(({ stream, onError, inDoubt }) => of(stream, targetOf(onError), inDoubt)),
    ...tables.flatMap(({ topic, onError }) => of(topic, targetOf(onError))),
  ]
}

const targetOf = (onError: OnError): string | undefined => (onError === 'halt' ? undefined : onError.topic)
