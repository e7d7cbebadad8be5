/** The leaders and coordinators at one time. */
export class ClusterView {
  readonly #count: number
  readonly #shift: number
  /** Brokers that others have taken over from. */
  readonly #fenced: ReadonlySet<number>
  /** The leader epoch of all partitions: each election begins another one. */
  readonly epoch: number

  constructor(count: number, shift = 0, fenced: ReadonlySet<number> = new Set(), epoch = 0) {
    this.#count = count
    this.#shift = shift
    this.#fenced = fenced
    this.epoch = epoch
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
    let sum = 0
    for (let i = 0; i < id.length; i++) sum += id.charCodeAt(i)
    return this.#pick(sum)
  }

  /** @returns the view after all leaders and coordinators have moved */
  moved(): ClusterView {
    return new ClusterView(this.#count, this.#shift + 1, this.#fenced, this.epoch + 1)
  }

  /** @returns the view after all leaders were elected again */
  reelected(): ClusterView {
    return new ClusterView(this.#count, this.#shift, this.#fenced, this.epoch + 1)
  }

  /** @returns the view after others have taken over from a broker, or it has taken its partitions back */
  with(node: number, isFenced: boolean): ClusterView {
    const fenced = new Set(this.#fenced)
    if (isFenced) fenced.add(node)
    else fenced.delete(node)
    return new ClusterView(this.#count, this.#shift, fenced, this.epoch + 1)
  }

  #pick(number: number): number {
    let node = (number + this.#shift) % this.#count
    while (this.#fenced.has(node)) node = (node + 1) % this.#count
    return node
  }
}
