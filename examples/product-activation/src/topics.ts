import { json, type Topic, text, topic } from '@joinery/core'

/** A product is activated. */
export interface Activation {
  readonly activationId: string
  readonly productId: string
}

/** Information about a product. It alone contains the product's id in the external service. */
export interface ProductInformation {
  readonly externalId: string
}

/** An activation that was joined with the information about its product. */
export interface Notification extends Activation {
  readonly externalId: string
}

/** The result of the call for an activation. */
export interface Activated {
  readonly activationId: string
  /** The HTTP status. */
  readonly status: number
}

// all of them are keyed by product

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

/** Notifications whose call is in doubt. */
export const inDoubt: Topic<string, Notification> = notifications.named('product-notification.in-doubt')
