export { type Kafka, type KafkaOptions, startKafka } from './kafka.js'
