import { LONE_SURROGATE } from '../serde/utf8.js'

/** The only name that cannot be a key of a JavaScript object. */
const PROTO = '__proto__'
const MAX_NAME = 249

/** Checks a name of a pipeline or a join: it becomes a key of the changelog, of the committed totals and of metrics. */
export function checkName(what: string, name: string, problem: (text: string) => void): void {
  if (name === '' || name.length > MAX_NAME || LONE_SURROGATE.test(name))
    problem(`the name of ${what} is ${JSON.stringify(shorten(name))}: use 1 to ${MAX_NAME} characters`)
  else if (name === PROTO) problem(`${what} is called ${PROTO}: JavaScript objects cannot hold this name`)
}

/** Checks a topic, which becomes a key of the committed positions. */
export function checkTopicName(topic: string, problem: (text: string) => void): void {
  if (topic === PROTO) problem(`topic ${PROTO}: JavaScript objects cannot hold this name, use another topic`)
}

/** @returns a name for a message: the beginning, if it is too long */
export function shorten(name: string): string {
  return name.length > MAX_NAME ? `${name.slice(0, 50)}…` : name
}
