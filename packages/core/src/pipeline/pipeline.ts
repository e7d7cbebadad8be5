/** The topics that a pipeline touches. */
export interface TopologyDescription {
  /** The stream and the tables. */
  readonly inputs: readonly string[]
  /** Dead-letter topics included. */
  readonly outputs: readonly string[]
  /** The tables, each of which has a store of its own. */
  readonly stores: readonly string[]
}

/** A complete chain, from a stream to a topic: give it to `run`, or to the test driver. */
export interface Pipeline {
  /** Tells a pipeline from a chain that has no sink yet. */
  readonly kind: 'pipeline'
  /** The name in metrics and in the committed state. */
  readonly name: string
  /** The topics that it touches, for those who create topics and grant access. */
  describe(): TopologyDescription
}
