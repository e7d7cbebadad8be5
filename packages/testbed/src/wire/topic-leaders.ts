import type { BrokerConnection } from './broker-connection.js'
import { Cursor } from './cursor.js'
import { int32, string } from './encode.js'

const METADATA = { api: 3, version: 1 } as const
const UNKNOWN_TOPIC = 3

/** @returns the partitions of a topic by the broker that leads them, as `host:port`; none if there is no such topic */
export async function topicLeaders(
  connection: BrokerConnection,
  topic: string,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const body = Buffer.concat([int32(1), string(topic)])
  const response = new Cursor(await connection.request(METADATA.api, METADATA.version, body))
  const addresses = new Map(
    response.array(() => {
      const nodeId = response.int32()
      const [host, port] = [response.string(), response.int32()]
      response.nullableString() // rack
      return [nodeId, `${host}:${port}`] as const
    }),
  )
  response.int32() // controller
  const leaders = new Map<string, number[]>()
  response.array(() => {
    const topicError = response.int16()
    if (topicError !== 0 && topicError !== UNKNOWN_TOPIC)
      throw new Error(`no metadata of ${topic}: error ${topicError}`)
    response.string()
    response.int8() // whether it is internal
    response.array(() => {
      response.int16() // error
      const partition = response.int32()
      const address = addresses.get(response.int32())
      for (let lists = 2; lists > 0; lists--) response.array(() => response.int32()) // replicas, those in sync
      if (address === undefined) throw new Error(`${topic}[${partition}] has no leader`)
      leaders.set(address, [...(leaders.get(address) ?? []), partition])
    })
  })
  return leaders
}
