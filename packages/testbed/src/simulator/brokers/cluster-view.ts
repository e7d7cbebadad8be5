/** The leaders and coordinators at one time. */
export class ClusterView {
  readonly #count: number
  readonly #shift: number
  /** Brokers that others have taken over from. */
  readonly #fenced: ReadonlySet<number>

  constructor(count: number, shift = 0, fenced: ReadonlySet<number> = new Set()) {
    this.#count = count
    this.#shift = shift
    this.#fenced = fenced
  }

  /** The brokers that metadata lists. */
  get listed(): readonly number[] {
    return Array.from({ length: this.#count }, (_, node) => node).filter((node) => !this.#fenced.has(node))
  }

  /** The broker that leads a partition. */
  leaderOf(topic: string, partition: number): number {
    return this.#pick(topic.length + partition)
  }

  /** The broker that coordinates a transactional id. */
  coordinatorOf(id: string): number {
    return this.#pick(id.length)
  }

  /** @returns the view after all leaders and coordinators have moved */
  moved(): ClusterView {
    return new ClusterView(this.#count, this.#shift + 1, this.#fenced)
  }

  /** @returns the view after others have taken over from a broker, or it has taken its partitions back */
  with(node: number, isFenced: boolean): ClusterView {
    const fenced = new Set(this.#fenced)
    if (isFenced) fenced.add(node)
    else fenced.delete(node)
    return new ClusterView(this.#count, this.#shift, fenced)
  }

  #pick(number: number): number {
    let node = (number + this.#shift) % this.#count
    while (this.#fenced.has(node)) node = (node + 1) % this.#count
    return node
  }
}
