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

/** The joiner: combines an activation with the information about its product. */
export function toNotification(
  { activationId, productId }: Activation,
  { externalId }: ProductInformation,
): Notification {
  return { activationId, productId, externalId }
}

const deadLetter = deadActivations.name

/** Service A: joins each activation with the information about its product, and keeps it until that arrives. */
export const notify: Pipeline = stream(productActivation, { onError: { deadLetter } })
  .join(table(productInformation), toNotification, { wait: { atMost: '30m', otherwise: { deadLetter } } })
  .to(notifications)
