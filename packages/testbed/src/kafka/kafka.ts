import { chooseKafka } from './choose-kafka.js'
import { startDockerBroker } from './docker-broker.js'
import type { Kafka, KafkaOptions } from './kafka-options.js'
import { kafkaProbes } from './kafka-probes.js'
import { startLocalBroker } from './local-broker.js'

/** The broker of `KAFKA_BROKERS`, or else a new one from Docker, or from jars on Java. It does not outlive this process. */
export async function startKafka(options: KafkaOptions = {}): Promise<Kafka> {
  const choice = await chooseKafka(kafkaProbes, options.own)
  if (choice.from === 'nowhere') throw new Error(`Kafka cannot be started: ${choice.missing}`)
  if (choice.from === 'docker') return startDockerBroker(options)
  if (choice.from === 'jars') return startLocalBroker(options)
  const notOurs = async () => {
    throw new Error('this broker was not started by the test: start one with the option own')
  }
  return {
    brokers: choice.brokers,
    pid: undefined,
    data: undefined,
    kill: notOurs,
    restart: notOurs,
    stop: async () => {},
  }
}
