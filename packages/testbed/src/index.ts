export { bundle } from './bundle.js'
export { type Kafka, type KafkaOptions, startKafka } from './kafka.js'
