import type { Direction } from './frames.js'

/** What happens to connections for as long as it lasts. */
export type Fault =
  | { readonly kind: 'latency'; readonly ms: number; readonly direction?: Direction }
  /** Everything is swallowed, and nobody is told; connections that end meanwhile end unseen. */
  | { readonly kind: 'black hole'; readonly direction?: Direction }
  /** Connections are cut with a reset, new ones too. */
  | { readonly kind: 'reset' }
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  /** The broker's end of today's connections is closed, and the client is not told. New ones are well. */
  | { readonly kind: 'half-open' }

/** What happens to exactly one request or answer. */
export type OneFault =
  /** It never arrives. */
  | 'drop'
  /** It, and what comes behind it on its connection, arrives once it is released, even if its sender has gone by then. */
  | 'hold'
  /** It never arrives, and the connection is reset. */
  | 'drop and reset'
  /** Half of it arrives, then the connection is reset. */
  | 'cut'

/** A fault that lasts. */
export interface Applied {
  readonly fault: Fault
  /** Only of clients whose id contains this. */
  readonly clientId: string
  /** Frames and connections that it has hit. */
  hits: number
}
