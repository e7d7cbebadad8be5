/** A violated promise. */
export interface Violation {
  readonly law: string
  readonly text: string
  readonly partition?: number
  /** The event concerned: its stream, and its offset in the partition. */
  readonly event?: { readonly stream: string; readonly offset: number }
  /** The call concerned. */
  readonly call?: string
}
