import type { Topic } from '@joinery/core'
import {
  type Activated,
  type Activation,
  activated,
  deadActivations,
  inDoubt,
  type Notification,
  notifications,
  type ProductInformation,
  productActivation,
  productInformation,
} from '../../topics.js'

/** The topics of one run of the demo. */
export interface DemoTopics {
  readonly productActivation: Topic<string, Activation>
  readonly productInformation: Topic<string, ProductInformation>
  readonly notifications: Topic<string, Notification>
  readonly deadActivations: Topic<string, Activation>
  readonly activated: Topic<string, Activated>
  readonly inDoubt: Topic<string, Notification>
}

/** The services' topics under names with a prefix, so that runs that share a broker do not see each other's records. */
export function topicsWithPrefix(prefix: string): DemoTopics {
  return {
    productActivation: productActivation.named(`${prefix}${productActivation.name}`),
    productInformation: productInformation.named(`${prefix}${productInformation.name}`),
    notifications: notifications.named(`${prefix}${notifications.name}`),
    deadActivations: deadActivations.named(`${prefix}${deadActivations.name}`),
    activated: activated.named(`${prefix}${activated.name}`),
    inDoubt: inDoubt.named(`${prefix}${inDoubt.name}`),
  }
}
