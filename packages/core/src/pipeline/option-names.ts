import type { OptionNames } from '../unknown-options.js'
import type { CallOnceOptions } from './call-once.js'
import type { OutputOptions } from './output-options.js'
import type { JoinOptions, StreamOptions } from './stream.js'
import type { TableOptions } from './table.js'
import type { InnerWait, LeftWait } from './wait.js'

type NamesOf<T> = OptionNames & Readonly<Record<keyof T, true>>

export const STREAM_OPTIONS: NamesOf<StreamOptions> = { name: true, onError: true }

export const TABLE_OPTIONS: NamesOf<TableOptions> = { order: true, maxBytes: true, onError: true }

export const OUTPUT_OPTIONS: NamesOf<OutputOptions> = { timestamps: true }

export const JOIN_OPTIONS: NamesOf<JoinOptions<never>> = { name: true, wait: true }

export const LEFT_WAIT: NamesOf<LeftWait<never, never>> = {
  atMost: true,
  ready: true,
  maxRecords: true,
  maxBytes: true,
  whenFull: true,
}

export const INNER_WAIT: NamesOf<InnerWait<never, never>> = { ...LEFT_WAIT, otherwise: true }

export const CALL_OPTIONS: NamesOf<CallOnceOptions<never>> = {
  inDoubt: true,
  id: true,
  namespace: true,
  timeout: true,
  connectTimeout: true,
  headersTimeout: true,
  bodyTimeout: true,
  concurrency: true,
  whenInDoubt: true,
  mode: true,
  retryFor: true,
  retention: true,
  maxReady: true,
}
