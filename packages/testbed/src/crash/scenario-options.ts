/** The configuration of a scenario. */
export interface ScenarioOptions {
  readonly name: string
  /** Stream records per second, not counting rows. */
  readonly perSecond: number
  /** The partitions of each topic, and therefore the number of tasks. */
  readonly partitions: number
  /** The address that workers connect to, `host:port`. Default: the broker; otherwise a proxy. */
  readonly broker?: string
  /** The request timeout of workers. */
  readonly requestTimeoutMs?: number
}
