export { type KafkaLogConfig, kafkaLog } from './kafka-log.js'
