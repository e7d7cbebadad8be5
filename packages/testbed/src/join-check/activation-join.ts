import { json, type Pipeline, stream, type Topic, table, text, topic } from '@joinery/core'

/** An event, numbered in the order of production. */
export interface Activation {
  readonly id: number
}

/** A row, whose value follows from its key. */
export interface Information {
  readonly key: string
}

/** The topics and the pipeline of a join, whose names share a prefix. */
export interface ActivationJoin {
  readonly application: string
  readonly activations: Topic<string, Activation>
  readonly information: Topic<string, Information>
  readonly notifications: Topic<string, Activation & Information>
  readonly dead: string
  readonly pipeline: Pipeline
}

/** How long an event waits for its row. */
const WAIT_MS = 3_000

/** @param name a prefix of all names */
export function activationJoin(name: string): ActivationJoin {
  const activations = topic(`${name}-activation`, { key: text(), value: json<Activation>() })
  const information = topic(`${name}-information`, { key: text(), value: json<Information>() })
  const notifications = topic(`${name}-notification`, { key: text(), value: json<Activation & Information>() })
  const dead = `${name}-dead`
  const deadLetter = { deadLetter: dead }
  const pipeline = stream(activations, { onError: deadLetter })
    .join(table(information), ({ id }, { key }) => ({ id, key }), { wait: { atMost: WAIT_MS, otherwise: deadLetter } })
    .to(notifications)
  return { application: name, activations, information, notifications, dead, pipeline }
}
