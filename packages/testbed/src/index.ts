export { bundle } from './bundle.js'
export { type Kafka, type KafkaOptions, startKafka } from './kafka.js'
export { type Redis, type RedisOptions, startRedis } from './redis.js'
