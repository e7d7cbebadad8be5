/** See the diagram in kafka-membership.ts. */
export type MembershipState = 'joining' | 'member' | 'revoking' | 'lost' | 'failed' | 'left'

const NEXT: Readonly<Record<MembershipState, readonly MembershipState[]>> = {
  joining: ['member', 'failed', 'left'],
  member: ['revoking', 'lost', 'failed', 'left'],
  revoking: ['joining', 'lost', 'failed', 'left'],
  lost: ['member', 'joining', 'failed', 'left'],
  failed: ['left'],
  left: [],
}

/** @throws Error for a transition that is not in the diagram, which is a bug */
export function checkTransition(from: MembershipState, to: MembershipState): void {
  if (!NEXT[from].includes(to)) throw new Error(`a membership cannot go from ${from} to ${to}`)
}
