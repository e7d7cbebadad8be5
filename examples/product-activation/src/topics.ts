import { json, type Topic, text, topic } from '@joinery/core'

/** Somebody activates a product. */
export interface Activation {
  readonly activationId: string
  readonly productId: string
}

/** What is known about a product; only here is the id under which the external service knows it. */
export interface ProductInformation {
  readonly externalId: string
}

/** An activation that found its information. */
export interface Notification extends Activation {
  readonly externalId: string
}

/** What came of the call for an activation. */
export interface Activated {
  readonly activationId: string
  /** The HTTP status. */
  readonly status: number
}

/** All topics; all of them are keyed by product. */
export interface Topics {
  readonly productActivation: Topic<string, Activation>
  readonly productInformation: Topic<string, ProductInformation>
  readonly notifications: Topic<string, Notification>
  readonly deadActivations: Topic<string, Activation>
  readonly activated: Topic<string, Activated>
  readonly doubts: Topic<string, Notification>
}

export const productActivation: Topic<string, Activation> = topic('product-activation', {
  key: text(),
  value: json<Activation>(),
})

export const productInformation: Topic<string, ProductInformation> = topic('product-information', {
  key: text(),
  value: json<ProductInformation>(),
})

export const notifications: Topic<string, Notification> = topic('product-notification', {
  key: text(),
  value: json<Notification>(),
})

/** Dead letters keep the bytes of the activation, so the same serdes read them. */
export const deadActivations: Topic<string, Activation> = productActivation.named('product-activation.dead')

export const activated: Topic<string, Activated> = topic('product-activated', { key: text(), value: json<Activated>() })

/** Notifications of whose call nobody knows whether it was made. */
export const doubts: Topic<string, Notification> = notifications.named('product-notification.in-doubt')

export const topics: Topics = {
  productActivation,
  productInformation,
  notifications,
  deadActivations,
  activated,
  doubts,
}

/** The same topics under other names, so that runs that share a broker do not see each other's messages. */
export function topicsWithPrefix(prefix: string): Topics {
  return {
    productActivation: productActivation.named(`${prefix}${productActivation.name}`),
    productInformation: productInformation.named(`${prefix}${productInformation.name}`),
    notifications: notifications.named(`${prefix}${notifications.name}`),
    deadActivations: deadActivations.named(`${prefix}${deadActivations.name}`),
    activated: activated.named(`${prefix}${activated.name}`),
    doubts: doubts.named(`${prefix}${doubts.name}`),
  }
}
