import { type Duration, type Pipeline, stream, table } from '@joinery/core'
import { toNotification } from '../../service-a/pipeline.js'
import { postTo } from '../../service-b/pipeline.js'
import type { DemoTopics } from './demo-topics.js'

/** The pipeline of service A, on the topics of a run, with a shorter wait than in production. */
export function notifyWithin(
  atMost: Duration,
  { productActivation, productInformation, notifications, deadActivations }: DemoTopics,
): Pipeline {
  const deadLetter = deadActivations.name
  return stream(productActivation, { onError: { deadLetter } })
    .join(table(productInformation), toNotification, { wait: { atMost, otherwise: { deadLetter } } })
    .to(notifications)
}

/** The pipeline of service B, on the topics of a run, with a shorter timeout than in production. */
export function activateWithin(
  timeout: Duration,
  url: string,
  { notifications, inDoubt, activated }: DemoTopics,
): Pipeline {
  return stream(notifications)
    .callOnce(postTo(url), { inDoubt: { deadLetter: inDoubt.name }, timeout, concurrency: 4 })
    .to(activated)
}
