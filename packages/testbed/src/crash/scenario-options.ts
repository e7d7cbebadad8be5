/** How a scenario is set up. */
export interface ScenarioOptions {
  readonly name: string
  /** Stream records, rows not counted. */
  readonly perSecond: number
  /** Of all topics, and so the number of tasks. */
  readonly partitions: number
  /** Of the workers, where it is not the stage's: a proxy. As `host:port`. */
  readonly broker?: string
  /** Of the workers. */
  readonly requestTimeoutMs?: number
}
