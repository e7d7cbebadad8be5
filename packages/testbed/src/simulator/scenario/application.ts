import { type CallOnce, json, type Pipeline, stream, type Table, table, text, topic } from '@joinery/core'
import type { RunSlowly } from './blocking.js'
import { callPipeline, type SendRequest } from './call-pipeline.js'
import type { SimReply } from './call-values.js'
import { DEAD, type Scenario, type SimBound, type SimPipeline } from './scenario.js'
import { isFiltered, isReadyFor, type SimEvent, type SimResult, type SimRow, throws } from './values.js'

/** The application of a scenario, as its instances run it. */
export interface Application {
  readonly tables: ReadonlyMap<string, Table<string, SimRow>>
  readonly pipelines: readonly Pipeline[]
  /** Identifies its calls in doubt. */
  readonly once: CallOnce<string, SimReply> | undefined
}

/** How an application runs. */
export interface ApplicationOptions {
  /** Makes the requests of calls. */
  readonly send: SendRequest
  /** Whether streams have `onError: 'halt'`. */
  readonly halts: boolean
  readonly slowly: RunSlowly
  /** The bound of the tables. */
  readonly bound: SimBound | undefined
}

export function applicationOf(scenario: Scenario, options: ApplicationOptions): Application {
  const maxBytes = options.bound?.option === 'maxBytes' ? { maxBytes: options.bound.bytes } : {}
  const tables = new Map(
    scenario.tables.map(({ name, order }) => [
      name,
      table(topic(name, { key: text(), value: json<SimRow>() }), {
        order,
        onError: { deadLetter: DEAD },
        ...maxBytes,
      }),
    ]),
  )
  const joining = scenario.pipelines.map((pipeline) => pipelineOf(pipeline, tables, options))
  if (scenario.calls === undefined) return { tables, pipelines: joining, once: undefined }
  const { once, pipeline } = callPipeline(scenario.calls, options)
  return { tables, pipelines: [...joining, pipeline], once }
}

function pipelineOf(
  description: SimPipeline,
  tables: Application['tables'],
  { halts, slowly }: ApplicationOptions,
): Pipeline {
  const { joins, maxRecords, maxKiB, whenFull } = description
  const [eventSerde, resultSerde] = [json<SimEvent>(), json<SimResult>()]
  const decode = (bytes: Uint8Array): SimEvent => {
    const event = eventSerde.decode(bytes)
    slowly('decode', event.number)
    return event
  }
  const encode = (result: SimResult): Uint8Array => {
    slowly('encode', result.number)
    return resultSerde.encode(result)
  }
  const events = topic(description.stream, { key: text(), value: { ...eventSerde, decode } })
  const begin = stream(events, { onError: halts ? 'halt' : { deadLetter: DEAD } })
    .filter((event) => {
      slowly('filter', event.number)
      return !isFiltered(description, event)
    })
    .mapValues((event): SimResult => {
      slowly('map', event.number)
      if (throws(event)) throw new Error('intended exception')
      return { ...event, rows: [] }
    })
  let chain: Pick<typeof begin, 'join' | 'leftJoin' | 'to'> = begin
  for (const join of joins) {
    const rows = tables.get(join.table) as Table<string, SimRow>
    const appendVersion = (event: SimResult, row: SimRow | undefined): SimResult => {
      slowly('join', event.number)
      return { ...event, rows: [...event.rows, row?.version ?? null] }
    }
    const wait = join.atMostMs !== undefined && {
      atMost: `${join.atMostMs}ms` as const,
      ready: (row: SimRow, event: SimResult) => {
        slowly('ready', event.number)
        return isReadyFor(join, row, event)
      },
      maxRecords,
      maxBytes: `${maxKiB}KiB` as const,
      whenFull: whenFull === 'pause' ? whenFull : { deadLetter: DEAD },
    }
    const otherwise = join.otherwise === 'drop' ? join.otherwise : { deadLetter: DEAD }
    if (join.kind === 'left') chain = chain.leftJoin(rows, appendVersion, wait ? { wait } : {})
    else chain = chain.join(rows, appendVersion, wait ? { wait: { ...wait, otherwise } } : {})
  }
  return chain.to(topic(description.sink, { key: text(), value: { ...resultSerde, encode } }))
}
