import { type Duration, type Pipeline, stream, table } from '@joinery/core'
import { type Topics, topics } from './topics.js'

/** Service A: joins each activation with its product's information, and keeps it for so long while that is missing. */
export function notifyWithin(
  atMost: Duration,
  { productActivation, productInformation, notifications, deadActivations }: Topics = topics,
): Pipeline {
  const deadLetter = deadActivations.name
  return stream(productActivation, { onError: { deadLetter } })
    .join(
      table(productInformation),
      ({ activationId, productId }, { externalId }) => ({ activationId, productId, externalId }),
      { wait: { atMost, otherwise: { deadLetter } } },
    )
    .to(notifications)
}

/** Service A as it runs in production. */
export const notify: Pipeline = notifyWithin('30m')
