import { systemClock } from '@joinery/core'
import type { KafkaCluster } from '../../src/connection/kafka-cluster.js'
import type { ApiRequest } from '../../src/protocol/api.js'
import { RequestWriter } from '../../src/protocol/request-writer.js'
import { ResponseReader } from '../../src/protocol/response-reader.js'

/** One partition of a Fetch request. */
export interface Asked {
  readonly leader: number
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly maxBytes: number
}

/** The response of a broker for one partition. */
export interface Answer {
  readonly records?: Buffer
  readonly code?: number
  readonly stableEnd?: number
  readonly aborted?: readonly { readonly producerId: number; readonly firstOffset: number }[]
}

/** Brokers whose responses to Fetch requests a test determines. */
export class ScriptedBrokers {
  readonly requests: (readonly Asked[])[] = []
  readonly refreshed: string[] = []
  /** The largest `max_bytes` of all requests. */
  maxBytes = 0
  answer: (asked: readonly Asked[]) => Promise<ReadonlyMap<Asked, Answer>> | ReadonlyMap<Asked, Answer>
  leaderOf: (topic: string, partition: number) => number | Promise<number> = () => 1

  constructor(answer: ScriptedBrokers['answer']) {
    this.answer = answer
  }

  get cluster(): KafkaCluster {
    return {
      clock: systemClock,
      leaderOf: async (topic: string, partition: number) => this.leaderOf(topic, partition),
      refresh: async (topics: readonly string[]) => {
        this.refreshed.push(...topics)
        return []
      },
      request: async (leader: number, _channel: string, request: ApiRequest) => {
        const asked = this.#parse(leader, request)
        this.requests.push(asked)
        return respond(asked, await this.answer(asked))
      },
    } as unknown as KafkaCluster
  }

  #parse(leader: number, { api, version, parts }: ApiRequest): Asked[] {
    if (api.key !== 1 || version !== 11) throw new Error(`expected Fetch 11, got ${api.name} ${version}`)
    const body = new ResponseReader(Buffer.concat(parts))
    body.skip(12)
    this.maxBytes = Math.max(this.maxBytes, body.int32())
    if (body.int8() !== 1) throw new Error('not read committed')
    body.skip(8)
    const asked = body.array(() => {
      const topic = body.string() ?? ''
      return body.array((): Asked => {
        const partition = body.int32()
        body.skip(4)
        const offset = body.int64()
        body.skip(8)
        return { leader, topic, partition, offset, maxBytes: body.int32() }
      })
    })
    return asked.flat()
  }
}

function respond(asked: readonly Asked[], answers: ReadonlyMap<Asked, Answer>): ResponseReader {
  const body = new RequestWriter().int32(0).int16(0).int32(0)
  body.array(asked, (each) => {
    const { records = Buffer.alloc(0), code = 0, stableEnd = 0, aborted = [] } = answers.get(each) ?? {}
    body.string(each.topic).int32(1).int32(each.partition).int16(code).int64(stableEnd).int64(stableEnd).int64(0)
    body.array(aborted, ({ producerId, firstOffset }) => body.int64(producerId).int64(firstOffset))
    body.int32(-1).int32(records.length)
    for (const byte of records) body.int8((byte << 24) >> 24)
  })
  return new ResponseReader(body.take())
}
