import type { Direction } from './frames.js'

/** What happens to connections while the fault is active. */
export type Fault =
  | { readonly kind: 'latency'; readonly ms: number; readonly direction?: Direction }
  /** Nothing is delivered, and neither side is notified, not even of closed connections. */
  | { readonly kind: 'black hole'; readonly direction?: Direction }
  /** Connections are reset, including new ones. */
  | { readonly kind: 'reset' }
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  /** The broker's side of existing connections is closed, and the client is not notified. New connections work. */
  | { readonly kind: 'half-open' }

/** What happens to exactly one request or response. */
export type FrameFault =
  /** It is lost. */
  | 'drop'
  /** It arrives, with everything after it on its connection, once it is released, even if the sender has closed the connection. */
  | 'hold'
  /** It is lost, and the connection is reset. */
  | 'drop and reset'
  /** Half of it arrives, and then the connection is reset. */
  | 'cut'

/** An active fault. */
export interface AppliedFault {
  readonly fault: Fault
  /** Only clients whose id contains this. */
  readonly clientId: string
  /** The number of frames and connections affected so far. */
  hits: number
}
