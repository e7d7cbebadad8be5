import { BrokerConnection } from './broker-connection.js'
import { Cursor } from './cursor.js'

const FIND_COORDINATOR = { api: 10, version: 1 } as const
const DESCRIBE_QUORUM = { api: 55, version: 0 } as const
const COORDINATOR_TYPES = { group: 0, transaction: 1 } as const

/**
 * @param broker any broker, as `host:port`
 * @returns the broker that coordinates a group or a transactional id
 */
export async function coordinatorOf(
  broker: string,
  type: keyof typeof COORDINATOR_TYPES,
  key: string,
): Promise<number> {
  const name = Buffer.from(key)
  const body = Buffer.alloc(3 + name.length)
  body.writeInt16BE(name.length, 0)
  name.copy(body, 2)
  body.writeInt8(COORDINATOR_TYPES[type], 2 + name.length)
  const response = await request(broker, FIND_COORDINATOR, body)
  response.int32() // throttle time
  const errorCode = response.int16()
  if (errorCode !== 0) throw new Error(`the coordinator of ${key} cannot be found: error code ${errorCode}`)
  response.nullableString() // error message
  return response.int32()
}

/** Two empty lists of tags enclose a topic with one partition, whose number is 0. Lengths are those of compact types: plus 1. */
const QUORUM_REQUEST = Buffer.concat([
  Buffer.from([0, 2, 19]), // the header's tags; one topic, and the length of its name
  Buffer.from('__cluster_metadata'),
  Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]), // one partition; its number, and three empty lists of tags
])
const BEFORE_LEADER_BYTES = 1 + 2 + 1 + 19 + 1 + 4 + 2

/**
 * @param broker any broker, as `host:port`
 * @returns the controller that leads the metadata quorum: metadata names any broker as the controller
 */
export async function activeController(broker: string): Promise<number> {
  const response = await request(broker, DESCRIBE_QUORUM, QUORUM_REQUEST)
  response.bytes(BEFORE_LEADER_BYTES)
  return response.int32()
}

async function request(
  broker: string,
  { api, version }: { readonly api: number; readonly version: number },
  body: Buffer,
): Promise<Cursor> {
  const connection = await BrokerConnection.open(broker)
  try {
    return new Cursor(await connection.request(api, version, body))
  } finally {
    connection.close()
  }
}
