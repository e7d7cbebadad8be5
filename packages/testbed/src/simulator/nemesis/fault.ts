/** All faults. */
export const FAULTS = [
  'kill',
  'kill at a step',
  'kill while it starts',
  'kill in a store commit',
  'outage',
  'stop',
  'pause',
  'network partition',
  'responses lost',
  'brokers down',
  'broker freezes',
  'broker restarts',
  'brokers throttle',
  'partition loses its leader',
  'lossy network',
  'slow network',
  'late requests',
  'two owners',
  'slow markers',
  'leaders move',
  'delayed InitProducerId',
  'producer ids expire',
  'store failures',
  'store stalls',
  'stores hang',
  'stores lose commits',
  'clock step',
  'compaction',
] as const

/** Additional faults if calls are made. */
export const CALL_FAULTS = ['service down', 'service hangs', 'service resets connections'] as const

export type Fault = (typeof FAULTS)[number] | (typeof CALL_FAULTS)[number]

/** Faults that often begin with EndTxn, because that is when they leave the outcome of a commit unclear. */
export const AT_END_TXN: ReadonlySet<Fault> = new Set<Fault>([
  'network partition',
  'responses lost',
  'broker freezes',
  'delayed InitProducerId',
])
