import kafkajs from 'kafkajs'

/** @returns the function from a key to its partition of a topic, as the default partitioner of Java clients determines it */
export function keyPartition(partitions: number): (key: string) => number {
  const partitioner = kafkajs.Partitioners.DefaultPartitioner()
  const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({
    partitionErrorCode: 0,
    partitionId,
    leader: 0,
    replicas: [],
    isr: [],
  }))
  return (key) => partitioner({ topic: '', partitionMetadata, message: { key, value: null } })
}

/** @returns for each partition the first of `count` numbers whose key belongs to it, if there is one */
export function firstOfEachPartition(partitions: number, count: number, keyOf: (n: number) => string): number[] {
  const partitionOf = keyPartition(partitions)
  const found = new Map<number, number>()
  for (let n = 0; n < count && found.size < partitions; n++) {
    const partition = partitionOf(keyOf(n))
    if (!found.has(partition)) found.set(partition, n)
  }
  return [...found.values()]
}
