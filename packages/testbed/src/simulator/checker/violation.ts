/** A promise that a history breaks. */
export interface Violation {
  readonly law: string
  readonly text: string
  readonly partition?: number
  /** The event that it is about: its stream, and its offset in the partition. */
  readonly event?: { readonly stream: string; readonly offset: number }
  /** The call that it is about. */
  readonly call?: string
}
