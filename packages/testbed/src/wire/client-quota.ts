import { BrokerConnection } from './broker-connection.js'

const ALTER_CLIENT_QUOTAS = { api: 49, version: 0 } as const

const string = (text: string): Buffer => {
  const bytes = Buffer.from(text)
  const length = Buffer.alloc(2)
  length.writeInt16BE(bytes.length)
  return Buffer.concat([length, bytes])
}
const count = (items: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(items)
  return bytes
}

/**
 * Sets the quota of a client.
 *
 * @param broker as `host:port`
 * @param bytesPerSecond how much each broker lets the client produce
 */
export async function setProducerQuota(broker: string, clientId: string, bytesPerSecond: number): Promise<void> {
  const value = Buffer.alloc(8)
  value.writeDoubleBE(bytesPerSecond)
  const entity = [count(1), string('client-id'), string(clientId)]
  const change = [count(1), string('producer_byte_rate'), value, Buffer.from([0])]
  const connection = await BrokerConnection.open(broker)
  try {
    const { api, version } = ALTER_CLIENT_QUOTAS
    const body = Buffer.concat([count(1), ...entity, ...change, Buffer.from([0])])
    const response = await connection.request(api, version, body)
    const errorCode = response.readInt16BE(8) // after the throttle time and the number of entries
    if (errorCode !== 0) throw new Error(`the quota of ${clientId} was not set: error code ${errorCode}`)
  } finally {
    connection.close()
  }
}
