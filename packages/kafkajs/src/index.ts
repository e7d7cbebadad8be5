export { coPartitionedAssigner } from './embedded/co-partitioned-assigner.js'
export { fromBatch } from './embedded/from-batch.js'
export { toProducerBatches } from './embedded/to-producer-batches.js'
export { type KafkaLogConfig, kafkaLog } from './kafka-log.js'
