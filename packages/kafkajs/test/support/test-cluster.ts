import { type Clock, systemClock } from '@joinery/core'
import { KafkaCluster } from '../../src/connection/kafka-cluster.js'
import { OngoingRetries } from '../../src/connection/ongoing-retries.js'
import { Throttling } from '../../src/connection/throttling.js'
import type { KafkaLogConfig } from '../../src/kafka-log-config.js'
import { kafkaLogOptions } from '../../src/kafka-log-options.js'
import { SocketOpener } from '../../src/kafkajs/socket-opener.js'

/** A client of a real cluster, as a log has it. */
export function testCluster(config: KafkaLogConfig, clock: Clock = systemClock): KafkaCluster {
  const { bootstrap, kafkaConfig, requestTimeoutMs, connectRetry } = kafkaLogOptions(config)
  return new KafkaCluster({
    name: 'test',
    clock,
    bootstrap,
    sockets: new SocketOpener(kafkaConfig),
    requestTimeoutMs,
    connectRetry,
    retries: new OngoingRetries(config.onRetry),
    throttling: new Throttling(clock),
  })
}
