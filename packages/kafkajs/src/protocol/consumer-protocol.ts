import type { Codec } from './codec/primitives.js'
import { RequestWriter } from './codec/request-writer.js'
import { ResponseReader } from './codec/response-reader.js'
import type { Decoded, Encodable, Fields } from './codec/schema.js'
import { structCodec } from './codec/struct-codec.js'

// What the members of a group of consumers exchange in the metadata of JoinGroup and the assignments of SyncGroup.

/** A structure that begins with its version. */
export interface VersionedMessage {
  readonly name: string
  readonly maxVersion: number
  readonly fields: Fields
}

/** The subscription of a member. */
export const CONSUMER_PROTOCOL_SUBSCRIPTION = {
  name: 'ConsumerProtocolSubscription',
  maxVersion: 3,
  fields: {
    topics: { array: 'string' },
    userData: { type: 'nullableBytes', default: null },
    ownedPartitions: {
      array: {
        topic: 'string',
        partitions: { array: 'int32' },
      },
      from: 1,
    },
    generationId: { type: 'int32', from: 2, default: -1 },
    rackId: { type: 'nullableString', from: 3 },
  },
} as const

/** The partitions that the leader of the group has assigned to a member. */
export const CONSUMER_PROTOCOL_ASSIGNMENT = {
  name: 'ConsumerProtocolAssignment',
  maxVersion: 3,
  fields: {
    assignedPartitions: {
      array: {
        topic: 'string',
        partitions: { array: 'int32' },
      },
    },
    userData: { type: 'nullableBytes', default: null },
  },
} as const

/** @returns the message, preceded by its version */
export function encodeMessage<M extends VersionedMessage>(
  message: M,
  version: number,
  value: Encodable<M['fields']>,
): Buffer {
  const writer = new RequestWriter().int16(version)
  codecOf(message, version).write(writer, value)
  return Buffer.concat(writer.parts())
}

/** @returns the message; of a version that is newer than the last known one, the fields of the last known one */
export function decodeMessage<M extends VersionedMessage>(message: M, bytes: Buffer): Decoded<M['fields']> {
  const reader = new ResponseReader(bytes, 0, message.name)
  return codecOf(message, Math.min(reader.int16(), message.maxVersion)).read(reader)
}

const codecOf = <M extends VersionedMessage>(
  { fields }: M,
  number: number,
): Codec<Decoded<M['fields']>, Encodable<M['fields']>> => structCodec(fields, { number, isFlexible: false })
