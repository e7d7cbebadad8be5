import { chooseKafka, type KafkaProbes } from '../../kafka/choose-kafka.js'
import { kafkaProbes } from '../../kafka/kafka-probes.js'
import { chooseRedis, type RedisProbes } from '../../redis/choose-redis.js'
import { redisProbes } from '../../redis/redis-probes.js'
import { announceSkipped } from '../../servers/announce-skipped.js'
import { STORE_LOCATIONS, type StoreLocation } from './worker-stores.js'

/** The probes of a machine. */
export interface ServerProbes {
  readonly kafka: KafkaProbes
  readonly redis: RedisProbes
}

/**
 * Probes this machine, and announces what has to be skipped because a server is missing.
 *
 * @returns the locations in which workers can keep their stores; `undefined` if no Kafka can be started, so that no crash test can run
 * @throws in CI, if a server is missing
 */
export async function usableStores(
  probes: ServerProbes = { kafka: kafkaProbes, redis: redisProbes },
): Promise<readonly StoreLocation[] | undefined> {
  const kafka = await chooseKafka(probes.kafka, true)
  if (kafka.from === 'nowhere') {
    announceSkipped(`NO KAFKA, SO NO CRASH TESTS: ${kafka.missing}`)
    return undefined
  }
  const redis = await chooseRedis(probes.redis)
  if (redis.from !== 'nowhere') return STORE_LOCATIONS
  announceSkipped(`NO REDIS, SO NO CRASH TESTS WITH STORES IN IT: ${redis.missing}`)
  return STORE_LOCATIONS.filter((location) => location !== 'in Redis')
}
