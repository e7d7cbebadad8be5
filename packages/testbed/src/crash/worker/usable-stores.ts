import { chooseKafka, type KafkaProbes } from '../../kafka/choose-kafka.js'
import { kafkaProbes } from '../../kafka/kafka-probes.js'
import { chooseRedis, type RedisProbes } from '../../redis/choose-redis.js'
import { redisProbes } from '../../redis/redis-probes.js'
import { announceSkipped } from '../../servers/announce-skipped.js'
import { KEPT, type Kept } from './worker-stores.js'

/** What a machine is asked. */
export interface ServerProbes {
  readonly kafka: KafkaProbes
  readonly redis: RedisProbes
}

/**
 * Looks at what this machine has, and announces what has to be skipped for want of a server.
 *
 * @returns where workers of the crash tests can keep their stores; `undefined` where no Kafka can be started, and so no
 * crash test run
 * @throws in CI, if a server is missing
 */
export async function usableStores(
  probes: ServerProbes = { kafka: kafkaProbes, redis: redisProbes },
): Promise<readonly Kept[] | undefined> {
  const kafka = await chooseKafka(probes.kafka, true)
  if (kafka.from === 'nowhere') {
    announceSkipped(`NO KAFKA, SO NO CRASH TESTS: ${kafka.missing}`)
    return undefined
  }
  const redis = await chooseRedis(probes.redis)
  if (redis.from !== 'nowhere') return KEPT
  announceSkipped(`NO REDIS, SO NO CRASH TESTS WITH STORES IN IT: ${redis.missing}`)
  return KEPT.filter((kept) => kept !== 'in Redis')
}
