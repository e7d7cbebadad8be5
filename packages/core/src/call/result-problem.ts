import type { CallPlan } from '../pipeline/call-plan.js'
import { decoded } from '../serde/serde-result.js'

/**
 * Checks a result that a person passed as bytes, for example on the command line, where the sink's serde is not
 * known: bytes that consumers could not decode must not be written.
 *
 * @returns the problem; `undefined` if there is none, or if the sink's serde only encodes
 */
export function resultProblem(
  { topic, decode }: NonNullable<CallPlan['sink']>,
  result: Uint8Array,
): string | undefined {
  try {
    if (decode !== undefined) decoded(decode.decode(result))
    return undefined
  } catch (error) {
    return `the result could not be decoded with the value serde of ${topic}: ${error instanceof Error ? error.message : String(error)}`
  }
}
