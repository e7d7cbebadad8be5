import { crc32 } from 'node:zlib'
import { murmur2 } from '../log/murmur2.js'

/** How a client chooses the partition of a key. */
export interface Partitioner {
  /** Its name, and where it is found. */
  readonly name: string
  /** How to make producers that use it use murmur2 instead. */
  readonly advice: string
  /** @returns an integer of any sign */
  readonly hash: (key: Uint8Array) => number
  /** @returns the partition for a hash */
  readonly partition: (hash: number, partitions: number) => number
}

const POSITIVE = 0x7fff_ffff
const masked = (hash: number, partitions: number): number => (hash & POSITIVE) % partitions
const absolute = (hash: number, partitions: number): number => Math.abs(hash | 0) % partitions
const unsigned = (hash: number, partitions: number): number => (hash >>> 0) % partitions

const LIBRDKAFKA = 'set partitioner=murmur2_random in its producers'
const SARAMA = 'set a murmur2 partitioner in its producers'
const JAVA = "remove the partitioner class from its producers, so that they use Kafka's default"

/** The partitioners that clients use, murmur2 first. */
export const PARTITIONERS: readonly [Partitioner, ...Partitioner[]] = [
  { name: "murmur2 (Kafka's default)", advice: '', hash: murmur2, partition: masked },
  { name: "CRC32 (librdkafka's default)", advice: LIBRDKAFKA, hash: (key) => crc32(key), partition: unsigned },
  { name: "FNV-1a (Sarama's default)", advice: SARAMA, hash: fnv1a, partition: absolute },
  { name: 'FNV-1a (a reference partitioner)', advice: SARAMA, hash: fnv1a, partition: masked },
  { name: "Java's hashCode", advice: JAVA, hash: javaHashCode, partition: masked },
  { name: "Java's hashCode (its absolute value)", advice: JAVA, hash: javaHashCode, partition: absolute },
]

const FNV_OFFSET = 0x811c_9dc5
const FNV_PRIME = 0x0100_0193

/** The 32-bit FNV-1a hash. */
function fnv1a(key: Uint8Array): number {
  let hash = FNV_OFFSET
  for (const byte of key) hash = Math.imul(hash ^ byte, FNV_PRIME)
  return hash
}

const JAVA_FACTOR = 31

/** `String.hashCode` of a key in ASCII. */
function javaHashCode(key: Uint8Array): number {
  let hash = 0
  for (const byte of key) hash = (Math.imul(hash, JAVA_FACTOR) + byte) | 0
  return hash
}
