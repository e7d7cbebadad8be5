/** Declarations that every snippet can use. They are prepended to each. */
export const PRELUDE = `
import * as v from 'valibot'
import {
  bytes, duration, int64, isJoineryError, json, JoineryError, memoryLog, memoryStores, consume, reset, run, produce, shutdownSignal,
  stream, table, text, topic, deadLetterInfo,
} from '@joinery/core'
import type {
  App, AppEvent, DeadLetterInfo, Decoder, Duration, Encoder, ErrorCode, Guarantee, Headers, Joined, Log, LogRecord,
  ConsumerRecord, Metrics, NewRecord, Pipeline, ReadableTopic, Reason, RecordInfo, Serde, Size, Stream, Table, Topic,
  WritableTopic,
} from '@joinery/core'
import { composeLog, durationMs, offsetFiles, singleMember, sizeBytes } from '@joinery/core/log'
import type { LogOffsets, LogSink, LogSource, LogTasks } from '@joinery/core/log'
import { openOperator } from '@joinery/core/operator'
import type { Operator, Step } from '@joinery/core/operator'
import { testDriver } from '@joinery/core/testing'

/** Compiles only if two types are the same: each assignable to the other, and neither of them any. */
type Identical<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false
declare function same<A, B>(...differ: Identical<A, B> extends true ? [] : ['types differ', A, B]): void

const Information = v.object({ productId: v.string(), externalId: v.string(), active: v.optional(v.boolean(), true) })
const Activation = v.object({
  productId: v.string(),
  activatedAt: v.pipe(v.string(), v.transform((s) => new Date(s))),
})
interface Notification { productId: string; externalId: string }
interface Price { cents: number }
type Row = { productId: string; externalId: string; active: boolean }
type Event = { productId: string; activatedAt: Date }

const productInformation = topic('product-information', { key: text(), value: json(Information) })
const productActivation = topic('product-activation', { key: text(), value: json(Activation) })
const notifications = topic('notifications', { key: text(), value: json<Notification>() })
const raw = topic('dead', { key: bytes(), value: bytes() })
const information = table(productInformation)
const prices = table(topic('prices', { key: text(), value: json<Price>() }))
const byNumber = table(topic('by-number', { key: int64(), value: json<Price>() }))
const activations = stream(productActivation)
declare const pipeline: Pipeline
declare const app: App
declare const log: Log<'exactly-once'>
declare const logSource: LogSource
declare const logSink: LogSink
declare const logTasks: LogTasks
declare const logOffsets: LogOffsets
`
