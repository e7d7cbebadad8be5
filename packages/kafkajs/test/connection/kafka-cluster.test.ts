import { ManualClock } from '@joinery/core/testing'
import { describe, expect, it } from 'vitest'
import type { KafkaCluster } from '../../src/connection/kafka-cluster.js'
import { API_VERSIONS } from '../../src/protocol/api-versions.js'
import { CREATE_TOPICS } from '../../src/protocol/create-topics.js'
import { CODE } from '../../src/protocol/error-codes.js'
import { FIND_COORDINATOR } from '../../src/protocol/find-coordinator.js'
import { HEARTBEAT } from '../../src/protocol/heartbeat.js'
import { METADATA } from '../../src/protocol/metadata.js'
import { PRODUCE } from '../../src/protocol/produce.js'
import { FakeBrokers, outcomeOf, REQUEST_TIMEOUT_MS } from '../support/fake-brokers.js'
import { apiKeysOf } from '../support/releases.js'

const BEAT = { groupId: 'g', generationId: 1, memberId: 'm' }
const NO_TOPICS = { topics: [], timeoutMs: 1_000 }
const CHANNEL = 'writing'

/** A cluster whose brokers are known, and the leader of `t` is broker 1. */
async function known(kafka = new FakeBrokers()) {
  kafka.on(HEARTBEAT, () => ({ errorCode: 0 }))
  kafka.on(CREATE_TOPICS, () => ({ topics: [] }))
  kafka.topics.t = [1, 2]
  const cluster = kafka.cluster()
  expect(await cluster.leaderOf('t', 0)).toBe(1)
  kafka.requests.length = 0
  const send = (node: number, channel = CHANNEL) => outcomeOf(cluster.request(node, channel, HEARTBEAT, BEAT))
  return { kafka, cluster, send }
}
/** Brings connections to brokers up. */
async function connected(kafka: FakeBrokers, cluster: KafkaCluster, ...nodes: number[]) {
  for (const node of nodes) await cluster.request(node, CHANNEL, HEARTBEAT, BEAT)
  kafka.requests.length = 0
}
/** @returns a function that lets connections to a broker be opened */
function holdConnecting(kafka: FakeBrokers, node: number): () => void {
  let connect = () => {}
  kafka.broker(node).connecting = new Promise((resolve) => {
    connect = resolve
  })
  return connect
}
const asked = (kafka: FakeBrokers) => kafka.arrivals(METADATA).filter(([node]) => node !== 1)
const lost = (reason: string) => ({
  code: 'LOG_FAILED',
  retriable: true,
  message: expect.stringContaining(`connection to broker broker-1:9092 lost: ${reason}`),
})

describe('a broker that does not respond', () => {
  it('makes the client request metadata from the others after a second, and then each second, until it responds', async () => {
    const { kafka, cluster, send } = await known()
    await connected(kafka, cluster, 1)
    kafka.broker(1).state = 'frozen'
    const start = kafka.clock.monotonic()
    send(1)
    await kafka.advance(1_000)
    expect(asked(kafka)).toEqual([])
    await kafka.advance(5_000)
    const times = asked(kafka).map(([, at]) => at - start)
    expect(times[0]).toBeLessThanOrEqual(1_500)
    expect(times.length).toBeGreaterThanOrEqual(4)
    for (const [i, at] of times.slice(1).entries()) expect(at - (times[i] as number)).toBeGreaterThanOrEqual(1_000)
    await kafka.advance(REQUEST_TIMEOUT_MS)
    const count = asked(kafka).length
    await kafka.advance(5_000)
    expect(asked(kafka)).toHaveLength(count)
  })

  it('is a problem while that lasts, and none once its request has timed out', async () => {
    const { kafka, cluster, send } = await known()
    kafka.broker(1).state = 'frozen'
    const late = send(1)
    await kafka.advance(1_000)
    expect(cluster.problems).toEqual([])
    await kafka.advance(4_000)
    expect(cluster.problems).toEqual(['broker 1 (broker-1:9092) has not responded to ApiVersions for 5 s'])
    await kafka.advance(REQUEST_TIMEOUT_MS)
    expect(late.error).toMatchObject({ code: 'LOG_FAILED', retriable: true })
    expect(cluster.problems).toEqual([])
  })

  it('is no longer a problem once it responds', async () => {
    const { kafka, cluster, send } = await known()
    await connected(kafka, cluster, 1)
    kafka.broker(1).state = 'frozen'
    send(1)
    await kafka.advance(2_000)
    expect(cluster.problems).toHaveLength(1)
    kafka.broker(1).state = 'up'
    send(1)
    await kafka.settled()
    expect(cluster.problems).toEqual([])
  })

  it('keeps its requests as long as it leads, up to the timeout', async () => {
    const { kafka, cluster, send } = await known()
    await connected(kafka, cluster, 1)
    kafka.broker(1).state = 'frozen'
    const late = send(1)
    await kafka.advance(REQUEST_TIMEOUT_MS - 500)
    expect(late.isSettled).toBe(false)
    await kafka.advance(1_000)
    expect(late.error).toMatchObject(lost('Heartbeat request timed out'))
  })

  it('loses the connection earlier to a request that has less time', async () => {
    const { kafka, cluster } = await known()
    await connected(kafka, cluster, 1)
    kafka.broker(1).state = 'frozen'
    const late = outcomeOf(cluster.request(1, CHANNEL, HEARTBEAT, BEAT, { timeoutMs: 2_000 }))
    await kafka.advance(1_750)
    expect(late.isSettled).toBe(false)
    await kafka.advance(750)
    expect(late.error).toMatchObject(lost('Heartbeat request timed out after 2000 ms'))
  })

  it.each([
    [[2, 2], 'another broker'],
    [[-1, 2], 'nobody'],
  ])('fails its requests within two seconds when its partition has moved: %s', async (leaders) => {
    const { kafka, cluster, send } = await known()
    await connected(kafka, cluster, 1)
    kafka.broker(1).state = 'frozen'
    const late = [send(1), send(1, 'reading')]
    kafka.topics.t = leaders
    await kafka.advance(2_000)
    for (const { error } of late) expect(error).toMatchObject(lost('another broker leads its partitions'))
    await kafka.advance(REQUEST_TIMEOUT_MS) // one connection was being opened
    expect(kafka.open.filter((node) => node === 1)).toEqual([])
    if (leaders[0] === 2) expect(await cluster.leaderOf('t', 0)).toBe(2)
  })

  it('fails its requests if its partition moves later', async () => {
    const { kafka, cluster, send } = await known()
    await connected(kafka, cluster, 1)
    kafka.broker(1).state = 'frozen'
    const late = send(1)
    await kafka.advance(6_000)
    expect(late.isSettled).toBe(false)
    kafka.topics.t = [3, 2]
    await kafka.advance(1_500)
    expect(late.error).toMatchObject(lost('another broker leads its partitions'))
  })

  it('fails its requests if its partition moves after another partition of the topic had no leader', async () => {
    const { kafka, cluster, send } = await known()
    await connected(kafka, cluster, 1)
    kafka.topics.t = [1, -1]
    await cluster.refresh(['t'])
    await expect(cluster.leaderOf('t', 1)).rejects.toMatchObject({ code: CODE.LEADER_NOT_AVAILABLE })
    expect(cluster.knownLeaderOf('t', 0)).toBe(1)
    kafka.broker(1).state = 'frozen'
    const late = send(1)
    kafka.topics.t = [3, -1]
    await kafka.advance(2_000)
    expect(late.error).toMatchObject(lost('another broker leads its partitions'))
  })

  it('fails its requests if another refresh of metadata has shown before that its partition has moved', async () => {
    const { kafka, cluster, send } = await known()
    await connected(kafka, cluster, 1)
    kafka.broker(1).state = 'frozen'
    const late = send(1)
    kafka.topics.t = [2, 2]
    const refreshed = cluster.refresh(['t'])
    await kafka.advance(1_000) // the broker that is asked first is the one that does not respond
    await refreshed
    await kafka.advance(1_000)
    expect(late.error).toMatchObject(lost('another broker leads its partitions'))
  })

  it('keeps requests that were sent after a partition has moved', async () => {
    const { kafka, cluster, send } = await known()
    await connected(kafka, cluster, 1)
    kafka.topics.t = [2, 1]
    await cluster.refresh(['t'])
    await kafka.advance(100)
    kafka.broker(1).state = 'frozen'
    const late = send(1)
    await kafka.advance(5_000)
    expect(late.isSettled).toBe(false)
  })

  it('fails its requests when it has left the cluster', async () => {
    const { kafka, cluster, send } = await known()
    await connected(kafka, cluster, 3) // it leads no partition of ours
    kafka.broker(3).state = 'frozen'
    const late = send(3)
    kafka.listed = [1, 2]
    await kafka.advance(2_000)
    expect(late.error).toMatchObject({
      code: 'LOG_FAILED',
      retriable: true,
      message: expect.stringContaining('it has left the cluster'),
    })
    expect([kafka.open.includes(3), cluster.problems]).toEqual([false, []])
    await expect(cluster.request(3, CHANNEL, HEARTBEAT, BEAT)).rejects.toMatchObject({
      code: 'LOG_FAILED',
      retriable: true,
      message: expect.stringContaining('broker 3 is not in the cluster now'),
    })
  })

  it('fails its requests when it has left the cluster, also while a check of it waits for a response of it', async () => {
    const { kafka, cluster, send } = await known(new FakeBrokers(2))
    await connected(kafka, cluster, 1, 2)
    kafka.broker(1).state = 'frozen'
    kafka.broker(2).state = 'frozen'
    const late = send(2)
    await kafka.advance(1_500) // the check has asked broker 1
    for (const { node, socket } of kafka.opened) if (node === 1) socket.destroy()
    await kafka.advance(100) // and now asks broker 2 itself
    kafka.broker(1).state = 'up'
    kafka.listed = [1]
    const refreshed = cluster.refresh(['t'])
    await kafka.advance(1_100)
    await refreshed
    await kafka.advance(1_500)
    expect(late.error?.message).toContain('it has left the cluster')
  })

  it('gets no request for a partition that another broker is known to lead', async () => {
    const { kafka, cluster } = await known()
    await connected(kafka, cluster, 1)
    kafka.topics.t = [2, 1]
    await cluster.refresh(['t'])
    const late = outcomeOf(cluster.request(1, CHANNEL, HEARTBEAT, BEAT, { mustLead: [{ topic: 't', partition: 0 }] }))
    await kafka.settled()
    expect(late.error).toMatchObject({
      code: 'LOG_FAILED',
      retriable: true,
      message: expect.stringContaining('broker 1 no longer leads t[0]'),
    })
    expect(kafka.arrivals(HEARTBEAT)).toEqual([])
    await cluster.request(1, CHANNEL, HEARTBEAT, BEAT, { mustLead: [{ topic: 't', partition: 1 }] })
    expect(kafka.arrivals(HEARTBEAT).map(([node]) => node)).toEqual([1])
  })

  it('gets no request for a partition that has moved while the connection was opened', async () => {
    const { kafka, cluster } = await known()
    const connect = holdConnecting(kafka, 1)
    const late = outcomeOf(cluster.request(1, CHANNEL, HEARTBEAT, BEAT, { mustLead: [{ topic: 't', partition: 0 }] }))
    kafka.topics.t = [2, 1]
    await cluster.refresh(['t'])
    connect()
    await kafka.settled()
    expect(late.error?.message).toContain('broker 1 no longer leads t[0]')
    expect(kafka.arrivals(HEARTBEAT)).toEqual([])
  })

  it('fails requests that have waited for a connection since before its partition moved', async () => {
    const { kafka, cluster, send } = await known()
    const connect = holdConnecting(kafka, 1)
    const late = send(1)
    await kafka.advance(100)
    kafka.topics.t = [2, 2]
    await cluster.refresh(['t'])
    await kafka.advance(100)
    kafka.broker(1).state = 'frozen'
    connect() // ApiVersions is sent only now
    await kafka.advance(1_500)
    expect(late.error).toMatchObject(lost('another broker leads its partitions'))
  })

  it('fails its requests within two seconds when its partition has moved, also while it cannot be connected to', async () => {
    const { kafka, cluster, send } = await known()
    kafka.broker(1).state = 'unreachable'
    const late = send(1)
    await kafka.advance(5_000)
    expect(late.isSettled).toBe(false)
    expect(cluster.problems).toEqual(['broker 1 (broker-1:9092) has not responded to a connection attempt for 5 s'])
    kafka.topics.t = [2, 2]
    await kafka.advance(2_000)
    expect(late.error).toMatchObject(lost('another broker leads its partitions'))
    expect(cluster.problems).toEqual([])
    await cluster.close()
    await kafka.settled()
    expect(kafka.clock.nextTimer).toBeUndefined()
  })

  it('delays a request that can go to any broker by a second at most, and is avoided for a while', async () => {
    const { kafka, cluster } = await known()
    kafka.broker(1).state = 'frozen'
    const first = outcomeOf(cluster.requestAny(METADATA, { topics: [], includeTopicAuthorizedOperations: false }))
    await kafka.advance(1_000)
    expect(first.isSettled).toBe(true)
    await kafka.advance(1_000)
    kafka.requests.length = 0
    const second = outcomeOf(cluster.refresh([]))
    await kafka.settled()
    expect(second.isSettled).toBe(true)
    kafka.broker(1).state = 'up'
    await kafka.advance(25_000)
    await cluster.refresh([])
    expect(kafka.arrivals(METADATA).some(([node]) => node === 1)).toBe(false)
  })

  it('gets requests again if no other one responds', async () => {
    const { kafka, cluster } = await known()
    kafka.broker(1).state = 'frozen'
    outcomeOf(cluster.refresh([]))
    await kafka.advance(3_000)
    kafka.broker(1).state = 'up'
    kafka.broker(2).state = 'refuses'
    kafka.broker(3).state = 'refuses'
    for (const { node, socket } of kafka.opened) if (node !== 1) socket.push(null)
    await kafka.settled()
    const again = outcomeOf(cluster.refresh([]))
    await kafka.settled()
    expect(again.isSettled).toBe(true)
  })

  it('may be the controller: another broker gets the request after a second, to forward it', async () => {
    const { kafka, cluster } = await known()
    kafka.controller = 3
    await cluster.refresh([])
    await cluster.requestController(CREATE_TOPICS, NO_TOPICS)
    expect(kafka.arrivals(CREATE_TOPICS).map(([node]) => node)).toEqual([3])
    kafka.broker(3).state = 'frozen'
    const late = outcomeOf(cluster.requestController(CREATE_TOPICS, NO_TOPICS))
    await kafka.advance(999)
    expect(late.isSettled).toBe(false)
    await kafka.advance(1)
    expect(late.isSettled).toBe(true)
    expect(kafka.arrivals(CREATE_TOPICS).map(([node]) => node)).toEqual([3, 3, 1])
  })

  it('may be the controller: after half a minute it gets requests first again', async () => {
    const { kafka, cluster } = await known()
    kafka.controller = 3
    await cluster.refresh([])
    kafka.broker(3).state = 'frozen'
    outcomeOf(cluster.requestController(CREATE_TOPICS, NO_TOPICS))
    await kafka.advance(REQUEST_TIMEOUT_MS + 500)
    kafka.broker(3).state = 'up'
    kafka.requests.length = 0
    outcomeOf(cluster.requestController(CREATE_TOPICS, NO_TOPICS))
    await kafka.advance(30_000)
    outcomeOf(cluster.requestController(CREATE_TOPICS, NO_TOPICS))
    await kafka.settled()
    expect(kafka.arrivals(CREATE_TOPICS).map(([node]) => node)).toEqual([1, 3])
  })

  it('is not considered unresponsive by a client that was paused itself', async () => {
    const kafka = new FakeBrokers(3, new PausingClock())
    const { cluster, send } = await known(kafka)
    await connected(kafka, cluster, 1)
    kafka.broker(1).state = 'frozen'
    const waiting = send(1)
    await kafka.advance(250)
    ;(kafka.clock as PausingClock).pausedMs += 60_000
    await kafka.advance(250)
    expect([waiting.isSettled, asked(kafka), cluster.problems]).toEqual([false, [], []])
  })
})

describe('a broker that is cut off from its cluster, and responds as before', () => {
  const EPOCHS = { t: [5, 5], u: [5] }
  const NEW_ID = '00000000000000000000000000000002'

  /** Broker 1, from which metadata is fetched, led partition 0 when it was cut off: now broker 2 leads it. */
  async function cutOff() {
    const kafka = new FakeBrokers()
    Object.assign(kafka.epochs, structuredClone(EPOCHS))
    kafka.topics.u = [1]
    const { cluster, send } = await known(kafka)
    await cluster.refresh(['t'])
    await connected(kafka, cluster, 1, 2)
    kafka.cutOff(1)
    kafka.topics.t = [2, 2]
    kafka.epochs.t = [6, 5]
    return { kafka, cluster, send }
  }

  it('leads nothing a minute later: metadata is then fetched from another broker', async () => {
    const { kafka, cluster, send } = await cutOff()
    const began = kafka.clock.monotonic()
    while (cluster.knownLeaderOf('t', 0) === 1 && kafka.clock.monotonic() - began < 120_000) {
      send(1)
      await kafka.advance(1_000)
    }
    expect(cluster.knownLeaderOf('t', 0)).toBe(2)
    expect(kafka.clock.monotonic() - began).toBeLessThanOrEqual(61_000)
    expect(kafka.reports).toEqual([])
  })

  it('does not become the leader again in metadata: its epoch is older', async () => {
    const { kafka, cluster } = await cutOff()
    await cluster.refresh(['t'], { last: 1 })
    kafka.broker(2).state = 'refuses'
    kafka.broker(3).state = 'refuses'
    for (const { node, socket } of kafka.opened) if (node !== 1) socket.push(null)
    await kafka.settled()
    expect(await cluster.refresh(['t'])).toMatchObject([{ leaders: [2, 2], leaderEpochs: [6, 5] }])
    expect([cluster.knownLeaderOf('t', 0), cluster.knownLeaderEpochOf('t', 0)]).toEqual([2, 6])
  })

  it('is asked no longer once it has responded with an older epoch', async () => {
    const { kafka, cluster } = await cutOff()
    await cluster.refresh(['t'], { last: 1 })
    kafka.broker(2).state = 'refuses'
    kafka.broker(3).state = 'refuses'
    for (const { node, socket } of kafka.opened) if (node !== 1) socket.push(null)
    await kafka.settled()
    await cluster.refresh(['t'])
    for (const node of [2, 3]) kafka.broker(node).state = 'up'
    kafka.requests.length = 0
    for (let count = 0; count < 3; count++) await cluster.refresh(['u'])
    expect(kafka.arrivals(METADATA).map(([node]) => node)).toEqual([2, 2, 2])
  })

  it('is asked no longer for the leader of a partition that has none, although it takes itself for that', async () => {
    const { kafka, cluster } = await cutOff()
    kafka.topics.t = [-1, 2]
    await cluster.refresh(['t'], { last: 1 })
    kafka.topics.t = [3, 2]
    kafka.epochs.t = [7, 5]
    expect(await cluster.leaderOf('t', 0)).toBe(3)
  })

  it('does not hide a partition that was added', async () => {
    const { kafka, cluster } = await cutOff()
    kafka.topics.t = [2, 2, 3]
    kafka.epochs.t = [6, 5, 0]
    await cluster.refresh(['t'], { last: 1 })
    await cluster.refresh(['t'], { last: 2 })
    expect([await cluster.partitionsOf('t'), await cluster.leaderOf('t', 2)]).toEqual([3, 3])
  })

  it('does not bring back a broker that has left the cluster', async () => {
    const { kafka, cluster } = await cutOff()
    kafka.listed = [1, 2]
    await cluster.refresh(['t'], { last: 1 })
    await cluster.refresh(['t'], { last: 2 })
    expect(cluster.brokers).toEqual([1, 2])
  })

  it('is not confused with a topic that was created again, whose epochs begin again', async () => {
    const { kafka, cluster } = await cutOff()
    await cluster.refresh(['t'], { last: 1 })
    kafka.ids.t = NEW_ID
    kafka.topics.t = [3]
    kafka.epochs.t = [0]
    await cluster.refresh(['t'], { last: 1 })
    expect([await cluster.partitionsOf('t'), await cluster.leaderOf('t', 0)]).toEqual([1, 3])
  })

  it('does not become the leader again after a lookup that did not find the topic', async () => {
    const { kafka, cluster } = await cutOff()
    await cluster.refresh(['t'], { last: 1 })
    const { t = [] } = kafka.topics
    Reflect.deleteProperty(kafka.topics, 't')
    await cluster.refresh(['t'], { last: 1 })
    kafka.topics.t = t
    await cluster.refresh(['t'], { last: 2 }) // from broker 1 or 3
    await cluster.refresh(['t'], { last: 3 })
    expect(await cluster.leaderOf('t', 0)).toBe(2)
  })

  it('is asked last whether it still leads when it is late, although it responds to metadata in time', async () => {
    const { kafka, cluster } = await cutOff()
    kafka.on(PRODUCE, () => undefined)
    kafka.on(FIND_COORDINATOR, () => found(1))
    const produce = { transactionalId: null, acks: -1, timeoutMs: 1_000, topicData: [] }
    const late = outcomeOf(cluster.request(1, 'main', PRODUCE, produce))
    for (let count = 0; count < 20; count++) {
      void cluster.coordinatorOf('group', 'g').catch(() => {}) // it responds to this in time
      await kafka.advance(100)
    }
    expect(late.error).toMatchObject(lost('another broker leads its partitions'))
  })
})

describe('metadata', () => {
  it('is fetched again each minute, and from each broker in turn, while requests are sent', async () => {
    const { kafka, send } = await known()
    const began = kafka.clock.monotonic()
    for (let second = 0; second < 240; second++) {
      send(2)
      await kafka.advance(1_000)
    }
    const fetched = kafka.arrivals(METADATA).map(([node, at]) => [node, Math.round((at - began) / 60_000)])
    expect(fetched).toEqual([
      [2, 1],
      [3, 2],
      [1, 3],
    ])
  })

  it('that cannot be fetched is fetched a minute later', async () => {
    const { kafka, cluster, send } = await known()
    await connected(kafka, cluster, 2)
    kafka.on(METADATA, () => undefined)
    await kafka.advance(60_000)
    const request = send(2)
    await kafka.advance(30_000)
    expect([request.isSettled, request.error]).toEqual([true, undefined])
  })
})

describe('a broker that holds a response back', () => {
  const produce = { transactionalId: null, acks: -1, timeoutMs: 1_000, topicData: [] }

  it.each([
    ['metadata', (cluster: KafkaCluster) => cluster.refresh(['t'])],
    ['coordinators', (cluster: KafkaCluster) => cluster.coordinatorOf('transaction', 'app-0')],
    ['its features', (cluster: KafkaCluster) => cluster.transactionVersion()],
  ])('responds to requests for %s meanwhile', async (_, ask) => {
    const { kafka, cluster } = await known(new FakeBrokers(1))
    kafka.topics.t = [1]
    kafka.on(PRODUCE, () => undefined)
    kafka.on(CREATE_TOPICS, () => undefined)
    kafka.on(FIND_COORDINATOR, () => found(1))
    outcomeOf(cluster.request(1, 'main', PRODUCE, produce))
    outcomeOf(cluster.requestController(CREATE_TOPICS, NO_TOPICS))
    await kafka.settled()
    const asking = outcomeOf<unknown>(ask(cluster))
    await kafka.settled()
    expect([asking.isSettled, asking.error]).toEqual([true, undefined])
  })

  it('is preferred to one that does not respond at all', async () => {
    const { kafka, cluster } = await known()
    kafka.on(PRODUCE, () => undefined)
    kafka.broker(1).state = 'frozen'
    for (const node of [1, 2, 3]) outcomeOf(cluster.request(node, 'main', PRODUCE, produce))
    await kafka.advance(4_000)
    kafka.requests.length = 0
    for (let count = 0; count < 5; count++) {
      await cluster.refresh(['t'])
      await kafka.advance(500)
    }
    expect(kafka.arrivals(METADATA).length).toBeGreaterThanOrEqual(5)
    expect(kafka.arrivals(METADATA).filter(([node]) => node === 1)).toEqual([])
  })
})

const found = (nodeId: number) => ({
  coordinators: [{ key: 'app-0', nodeId, host: `broker-${nodeId}`, port: 9092, errorCode: 0, errorMessage: null }],
})

/** A clock whose time also passes while this process is paused. */
class PausingClock extends ManualClock {
  pausedMs = 0

  constructor() {
    super(0)
  }

  override monotonic(): number {
    return super.monotonic() + this.pausedMs
  }
}

describe('a broker that cannot be reached', () => {
  it('is looked for: it may have a new address', async () => {
    const { kafka, cluster, send } = await known()
    await connected(kafka, cluster, 1, 2)
    kafka.broker(1).host = 'elsewhere'
    for (const { node, socket } of kafka.opened) if (node === 1) socket.push(null)
    await kafka.settled()
    const request = send(1)
    await kafka.advance(1_000)
    expect([request.isSettled, request.error, kafka.reports]).toEqual([true, undefined, []])
    expect(kafka.open).toContain(1)
  })

  it('fails the request with the reason if it has no new address', async () => {
    const { kafka, cluster, send } = await known()
    await connected(kafka, cluster, 2)
    kafka.broker(3).state = 'refuses'
    const request = send(3)
    await kafka.settled()
    expect(request.error).toMatchObject({
      code: 'LOG_FAILED',
      retriable: true,
      message: expect.stringContaining('cannot connect to broker broker-3:9092: connect ECONNREFUSED broker-3:9092'),
    })
  })

  it('fails all requests that wait for the same attempt', async () => {
    const { kafka, cluster, send } = await known()
    await connected(kafka, cluster, 1)
    kafka.broker(3).state = 'frozen'
    const requests = Array.from({ length: 4 }, () => send(3))
    await kafka.advance(REQUEST_TIMEOUT_MS + 500)
    expect(requests.map(({ error }) => error?.retriable)).toEqual([true, true, true, true])
  })

  it('is found again through the configured addresses if all brokers have moved', async () => {
    const { kafka, cluster, send } = await known()
    for (const broker of kafka.brokers) broker.host = `new-${broker.nodeId}`
    for (const { socket } of kafka.opened) socket.push(null)
    await kafka.settled()
    const found = outcomeOf(cluster.refresh([]))
    await kafka.settled()
    expect([found.isSettled, found.error]).toEqual([true, undefined])
    const request = send(2)
    await kafka.settled()
    expect([request.isSettled, request.error]).toEqual([true, undefined])
  })
})

describe('brokers that respond that the cluster is elsewhere', () => {
  /** Brokers 1 and 2 are those of the former cluster, and broker 3 is the only one of the new one. */
  async function moved(isConfigured: boolean) {
    const kafka = new FakeBrokers()
    kafka.listed = [1, 2]
    const configured = { host: 'broker-1', port: 9092 }
    const bootstrap = async () => [configured, ...(isConfigured ? [{ host: 'broker-3', port: 9092 }] : [])]
    const cluster = kafka.cluster({ bootstrap, connectRetry: { initialRetryTime: 1, maxRetryTime: 1, retries: 0 } })
    kafka.topics.t = [1]
    await cluster.leaderOf('t', 0)
    kafka.on(METADATA, ({ topics }, node) => ({
      brokers: node === 3 ? [kafka.broker(3)] : [],
      topics: (topics ?? []).map(({ name }) => ({
        ...{ errorCode: 0, name, topicId: '00000000000000000000000000000002' },
        partitions: [
          {
            ...{ errorCode: 0, partitionIndex: 0, leaderId: 3, leaderEpoch: 0 },
            ...{ replicaNodes: [], isrNodes: [], offlineReplicas: [] },
          },
        ],
      })),
      errorCode: node === 3 ? 0 : CODE.REBOOTSTRAP_REQUIRED,
    }))
    return { kafka, cluster }
  }

  it('make the client find it again, and their connections are closed', async () => {
    const { kafka, cluster } = await moved(true)
    expect(await cluster.refresh(['t'])).toMatchObject([{ leaders: [3] }])
    await kafka.settled()
    expect([cluster.brokers, kafka.open, kafka.reports]).toEqual([[3], [3], []])
  })

  it('are an error that is retriable if no configured broker is one of the new cluster', async () => {
    const { cluster } = await moved(false)
    await expect(cluster.refresh(['t'])).rejects.toMatchObject({
      code: 'LOG_FAILED',
      retriable: true,
      message: expect.stringContaining('Metadata of broker broker-1:9092 failed with REBOOTSTRAP_REQUIRED'),
    })
  })
})

describe('a broker that has been upgraded', () => {
  const request = { transactionalId: null, acks: -1, timeoutMs: 1_000, topicData: [] }

  it('gets a request that it did not support before, on a new connection', async () => {
    const kafka = new FakeBrokers()
    kafka.on(API_VERSIONS, () => ({ errorCode: 0, apiKeys: apiKeysOf('3.9') }))
    kafka.on(PRODUCE, () => ({ responses: [] }))
    const { cluster } = await known(kafka)
    await connected(kafka, cluster, 1)
    kafka.on(API_VERSIONS, () => ({ errorCode: 0, apiKeys: apiKeysOf('4.3') }))
    const { responses } = await cluster.request(1, CHANNEL, PRODUCE, request, { minVersion: 12 })
    expect(responses).toEqual([])
  })

  it('gets no request that it still does not support', async () => {
    const kafka = new FakeBrokers()
    kafka.on(API_VERSIONS, () => ({ errorCode: 0, apiKeys: apiKeysOf('3.9') }))
    const { cluster } = await known(kafka)
    await connected(kafka, cluster, 1)
    await expect(cluster.request(1, CHANNEL, PRODUCE, request, { minVersion: 12 })).rejects.toMatchObject({
      code: 'CLIENT_UNSUPPORTED',
      message: expect.stringContaining('Produce (it has versions 0 to 11, Joinery needs version 12)'),
    })
    expect(kafka.arrivals(PRODUCE)).toEqual([])
  })
})

describe('connections', () => {
  it('are one for each broker and channel, however many requests need one', async () => {
    const { kafka, send } = await known()
    const before = kafka.opened.length
    for (const channel of ['reading', 'writing']) for (let i = 0; i < 3; i++) send(2, channel)
    await kafka.settled()
    expect(kafka.opened.slice(before).map(({ node }) => node)).toEqual([2, 2])
  })

  it('that brokers close while they are idle are opened again, without a report', async () => {
    const { kafka, cluster, send } = await known()
    await connected(kafka, cluster, 1)
    for (const { socket } of kafka.opened) socket.push(null)
    await kafka.settled()
    const request = send(1)
    await kafka.settled()
    expect([request.isSettled, request.error, kafka.reports, cluster.problems]).toEqual([true, undefined, [], []])
  })

  it('to a broker with a new address are closed once their last response is there', async () => {
    const { kafka, cluster, send } = await known()
    await connected(kafka, cluster, 3)
    const old = kafka.opened.at(-1)?.socket
    kafka.broker(3).state = 'frozen'
    const last = send(3)
    await kafka.settled()
    kafka.broker(3).host = 'elsewhere'
    await cluster.refresh([])
    expect([last.isSettled, old?.destroyed]).toEqual([false, false])
    kafka.broker(3).state = 'up'
    send(3)
    await kafka.settled()
    expect(kafka.open.filter((node) => node === 3)).toEqual([3, 3])
  })

  it.each([8_000, 60_000])('near the end of their SASL session of %i ms are replaced, and closed', async (lifetime) => {
    const kafka = new FakeBrokers()
    kafka.sessionLifetimeMs = lifetime
    const { send } = await known(kafka)
    // metadata has connections of its own
    const opened = () => kafka.opened.filter(({ apis }) => apis.has(HEARTBEAT.name))
    for (let passed = 0; passed < 10 * lifetime; passed += 500) {
      const request = send(2)
      await kafka.advance(500)
      expect([request.isSettled, request.error]).toEqual([true, undefined])
      expect(opened().filter(({ socket }) => !socket.destroyed)).toMatchObject([{ node: 2 }])
    }
    const times = opened().map(({ at }) => at)
    expect(times.length).toBeGreaterThanOrEqual(10)
    for (const [i, at] of times.slice(1).entries()) {
      expect(at - (times[i] as number)).toBeLessThan(lifetime)
      expect(at - (times[i] as number)).toBeGreaterThanOrEqual(lifetime / 2)
    }
    expect(kafka.reports).toEqual([])
  })

  it('are all closed with the client, and their requests fail', async () => {
    const { kafka, cluster, send } = await known()
    await connected(kafka, cluster, 1, 2, 3)
    kafka.broker(2).state = 'frozen'
    const request = send(2)
    await kafka.settled()
    await cluster.close()
    await kafka.settled()
    expect(request.isSettled).toBe(true)
    expect([kafka.open, kafka.clock.nextTimer, kafka.reports]).toEqual([[], undefined, []])
    await expect(cluster.request(1, CHANNEL, HEARTBEAT, BEAT)).rejects.toMatchObject({ code: 'LOG_CLOSED' })
  })
})

describe('a topic lacks replicas', () => {
  it.each([
    ['if its partitions have a single one', { t: [[1], [2]] }, true],
    ['if one of its partitions has a single one', { t: [[1, 3], [2]] }, true],
    [
      'unless each partition has several',
      {
        t: [
          [1, 3],
          [2, 1],
        ],
      },
      false,
    ],
    ['unless the brokers do not say', {}, false],
  ])('%s', async (_, replicas, expected) => {
    const kafka = new FakeBrokers(3)
    Object.assign(kafka.replicas, replicas)
    const { cluster } = await known(kafka)
    expect([await cluster.lacksReplicas('t'), kafka.requests]).toEqual([expected, []])
  })

  it('only if the cluster has several brokers', async () => {
    const kafka = new FakeBrokers(1)
    kafka.replicas.t = [[1], [1]]
    const { cluster } = await known(kafka)
    expect(await cluster.lacksReplicas('t')).toBe(false)
  })

  it('only if it exists', async () => {
    const { cluster } = await known()
    expect(await cluster.lacksReplicas('u')).toBe(false)
  })
})

describe('the leader of a partition', () => {
  it('is requested once, until metadata is refreshed', async () => {
    const { kafka, cluster } = await known()
    expect([await cluster.leaderOf('t', 1), await cluster.partitionsOf('t'), kafka.requests]).toEqual([2, 2, []])
    kafka.topics.t = [3, 2, 1]
    expect(await cluster.leaderOf('t', 0)).toBe(1)
    await cluster.refresh(['t'])
    expect([await cluster.leaderOf('t', 0), await cluster.partitionsOf('t')]).toEqual([3, 3])
  })

  it.each([
    ['has none now', 't', 0, CODE.LEADER_NOT_AVAILABLE],
    ['does not exist', 't', 7, CODE.LEADER_NOT_AVAILABLE],
    ['is of a topic that does not exist', 'u', 0, CODE.UNKNOWN_TOPIC_OR_PARTITION],
  ])('is an error if it %s, and is requested again then', async (_, topic, partition, code) => {
    const { kafka, cluster } = await known()
    kafka.topics.t = [-1, 2]
    await cluster.refresh(['t'])
    for (let count = 0; count < 2; count++)
      await expect(cluster.leaderOf(topic, partition)).rejects.toMatchObject({ name: 'ProtocolError', code, topic })
    Object.assign(kafka.topics, { t: [1, 1, 1, 1, 1, 1, 1, 1], u: [1] })
    expect(await cluster.leaderOf(topic, partition)).toBe(1)
  })
})
