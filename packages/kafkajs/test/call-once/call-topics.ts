import { type Call, type Duration, json, type Pipeline, stream, type Topic, text, topic } from '@joinery/core'

/** The value of a record that requests a call. */
export interface Asked {
  readonly n: string
}

/** The result of a call. */
export interface Answered {
  readonly status: number
}

/** The pipeline of calls, and its topics. */
export interface CallTopics {
  readonly application: string
  readonly asked: Topic<string, Asked>
  readonly results: Topic<string, Answered>
  readonly inDoubt: string
  readonly pipeline: Pipeline
}

/** The most calls that may be open at once: more than any test here needs. */
export const CONCURRENCY = 8
export const CONNECT_TIMEOUT_MS = 10_000

/** The pipeline whose topics end in `id`, with a call for each number that is requested. */
export function callTopics(
  id: string,
  timeout: Duration,
  call: (asked: Asked, call: Call<string | null>) => Promise<Answered>,
): CallTopics {
  const asked = topic(`asked-${id}`, { key: text(), value: json<Asked>() })
  const results = topic(`results-${id}`, { key: text(), value: json<Answered>() })
  const inDoubt = `in-doubt-${id}`
  const pipeline = stream(asked)
    .callOnce(call, {
      inDoubt: { deadLetter: inDoubt },
      id: ({ n }) => n,
      timeout,
      connectTimeout: `${CONNECT_TIMEOUT_MS}ms`,
      concurrency: CONCURRENCY,
    })
    .to(results)
  return { application: `calls-${id}`, asked, results, inDoubt, pipeline }
}
