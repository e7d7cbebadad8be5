import type { BrokerVersions, VersionLimits } from '../../src/connection/broker-versions.js'
import {
  type Api,
  encode,
  type ReceivedRequestOf,
  type RequestOf,
  type ResponseOf,
  type SentResponseOf,
} from '../../src/protocol/api.js'
import { ResponseReader } from '../../src/protocol/codec/response-reader.js'

/** A request as it has arrived at a fake broker. */
export interface Carried<A extends Api> {
  readonly version: number
  readonly body: Buffer
  readonly request: ReceivedRequestOf<A>
  /**
   * Carries a response back.
   *
   * @param bytes how many of its bytes arrive; default: all
   */
  respond(response: SentResponseOf<A>, bytes?: number): ResponseOf<A>
}

/** Carries a request to a fake broker as bytes, in the version that is negotiated. */
export function carry<A extends Api>(
  versions: BrokerVersions,
  api: A,
  sent: RequestOf<A>,
  limits?: VersionLimits,
): Carried<A> {
  const { version, request, response } = versions.codec(api, limits)
  const body = Buffer.concat(encode(request, sent))
  return {
    version: version.number,
    body,
    request: request.read(new ResponseReader(body)),
    respond: (value, bytes) =>
      response.read(new ResponseReader(Buffer.concat(encode(response, value)).subarray(0, bytes))),
  }
}

/** The response of a fake broker to a request. */
export type Handler<A extends Api> = (request: ReceivedRequestOf<A>) => SentResponseOf<A>

/** @returns the handler of an API, for a map of handlers by API key */
export const on = <A extends Api>({ key }: A, handler: Handler<A>): [key: number, handler: Handler<Api>] => [
  key,
  handler as unknown as Handler<Api>,
]
