/** The topics that a pipeline reads and writes. */
export interface TopologyDescription {
  /** The stream and the tables. */
  readonly inputs: readonly string[]
  /** The sink and the dead-letter topics. */
  readonly outputs: readonly string[]
  /** The tables: each has its own store. */
  readonly stores: readonly string[]
}

/** A complete chain, from a stream to a topic, for `run` or the test driver. */
export interface Pipeline {
  /** Distinguishes a pipeline from a chain that has no sink yet. */
  readonly kind: 'pipeline'
  /** The name in metrics and in the committed state. */
  readonly name: string
  /**
   * Lists the topics that the pipeline reads and writes, for creating topics and granting access.
   *
   * @returns the names of the topics; a table is both an input and a store
   */
  describe(): TopologyDescription
}
