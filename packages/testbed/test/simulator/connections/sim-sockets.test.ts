import { describe, expect, it } from 'vitest'
import { API_VERSIONS, CLIENT_SOFTWARE } from '../../../../kafkajs/src/protocol/api-versions.js'
import { freeze, start, stop, thaw } from '../../../src/simulator/brokers/broker-control.js'
import type { SimBroker } from '../../../src/simulator/brokers/sim-broker.js'
import { SimClient } from './sim-cluster-client.js'

const SESSION_MS = 3_000

/** @returns a client that is connected to the leader of partition 0, and that broker */
async function connected(requestTimeoutMs?: number): Promise<{ client: SimClient; leader: SimBroker }> {
  const client = new SimClient(undefined, requestTimeoutMs)
  const { result } = await client.settled(client.endOf(0))
  return { client, leader: client.cluster.broker(result?.leader as number) }
}

/** @returns the lines of the trace about requests and responses of an API */
const linesOf = ({ eventLoop }: SimClient, api: string): readonly string[] =>
  (eventLoop.trace ?? []).filter((line) => line.includes(api)).map((line) => line.replace(/^\S+ /, ''))

describe('a frozen broker', () => {
  it('accepts a request, and responds once it has thawed', async () => {
    const { client, leader } = await connected()
    freeze(client.cluster, leader, SESSION_MS)
    client.eventLoop.schedule(1_500, 'thaw', () => thaw(client.cluster, leader))
    const { result, at } = await client.settled(client.endOf(0))
    expect(result).toEqual({ leader: leader.node, errorCode: 0 })
    expect(at).toBeGreaterThan(1_500)
  })

  it('no longer responds: its request fails once others have taken over', async () => {
    const { client, leader } = await connected(60_000)
    const frozenAt = client.eventLoop.now
    freeze(client.cluster, leader, SESSION_MS)
    const { error, at } = await client.settled(client.endOf(0))
    expect(error?.message).toContain('lost: it has left the cluster')
    expect(at - frozenAt).toBeGreaterThan(SESSION_MS)
    expect(at - frozenAt).toBeLessThan(SESSION_MS + 3_000)
    const after = await client.settled(client.endOf(0))
    expect(after.result?.leader).not.toBe(leader.node)
    expect(after.result?.errorCode).toBe(0)
  })

  it('processes what was sent to it when it thaws, and knows that it leads nothing', async () => {
    const { client, leader } = await connected(60_000)
    freeze(client.cluster, leader, SESSION_MS)
    await client.settled(client.endOf(0))
    const before = linesOf(client, 'ListOffsets').length
    thaw(client.cluster, leader)
    await client.play(100)
    expect(linesOf(client, 'ListOffsets').slice(before)).toEqual([
      `p0 receives the response: ListOffsets of ${leader.node}`, // no process reads it
    ])
  })
})

describe('a broker that restarts', () => {
  it('ends its connections, and comes back with another release', async () => {
    const client = new SimClient(['2.8', '2.8', '2.8'])
    const { result } = await client.settled(client.endOf(0))
    const broker = client.cluster.broker(result?.leader as number)
    stop(client.cluster, broker)
    await client.play(3_000)
    const refused = await client.settled(client.kafka.request(broker.node, 'main', API_VERSIONS, CLIENT_SOFTWARE))
    expect(refused.error?.message).toContain(`connect ECONNREFUSED broker-${broker.node}:9092`)
    start(client.cluster, broker, '4.3')
    await client.play(6_000) // until metadata lists it
    const versions = async () =>
      (await client.kafka.request(broker.node, 'main', API_VERSIONS, CLIENT_SOFTWARE)).apiKeys
    const found = await client.settled(versions())
    expect(found.result?.find(({ apiKey }) => apiKey === 1)?.maxVersion).toBe(18)
  })
})
