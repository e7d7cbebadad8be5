import { JoineryError } from '@joinery/core'

/** Reports each topic that has a single replica, although the cluster has several brokers, once. */
export class ReplicaNotices {
  readonly #onNotice: (notice: JoineryError) => void
  readonly #reported = new Set<string>()

  constructor(onNotice: (notice: JoineryError) => void) {
    this.#onNotice = onNotice
  }

  report(topic: string): void {
    if (this.#reported.has(topic)) return
    this.#reported.add(topic)
    this.#onNotice(
      new JoineryError(
        'TOPIC_UNSUITABLE',
        `topic ${topic} has a single replica, although the cluster has several brokers: without that broker nothing can be written to it, and the end of a transaction may be lost; add replicas with kafka-reassign-partitions.sh (a topic that Joinery creates gets changelog.replicationFactor of them)`,
        { topic },
      ),
    )
  }
}
