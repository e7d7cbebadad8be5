export { type KafkaLogConfig, kafkaLog } from './kafka-log.js'
export { coPartitionedAssigner } from './own-consumer/co-partitioned-assigner.js'
export { fromBatch } from './own-consumer/from-batch.js'
export { toProducerBatches } from './own-consumer/to-producer-batches.js'
