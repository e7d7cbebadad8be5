export type { RedisClient } from './connection.js'
export {
  type RedisClientOptions,
  type RedisStoresOptions,
  type RedisStoresSettings,
  type RedisUrlOptions,
  redisStores,
} from './redis-stores.js'
