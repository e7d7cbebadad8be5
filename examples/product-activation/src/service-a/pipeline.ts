import { type Pipeline, stream, table } from '@joinery/core'
import {
  type Activation,
  deadActivations,
  type Notification,
  notifications,
  type ProductInformation,
  productActivation,
  productInformation,
} from '../topics.js'

/** The joiner: what an activation and the information about its product make. */
export function toNotification(
  { activationId, productId }: Activation,
  { externalId }: ProductInformation,
): Notification {
  return { activationId, productId, externalId }
}

const deadLetter = deadActivations.name

/** Service A: joins each activation with the information about its product, and keeps it while that is missing. */
export const notify: Pipeline = stream(productActivation, { onError: { deadLetter } })
  .join(table(productInformation), toNotification, { wait: { atMost: '30m', otherwise: { deadLetter } } })
  .to(notifications)
