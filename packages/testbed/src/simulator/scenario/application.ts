import { type CallOnce, json, type Pipeline, stream, type Table, table, text, topic } from '@joinery/core'
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

/**
 * @param send makes the requests of calls
 * @param halts whether streams have `onError: 'halt'`
 * @param bound that of the tables
 */
export function applicationOf(
  scenario: Scenario,
  send: SendRequest,
  halts: boolean,
  bound: SimBound | undefined,
): Application {
  const maxBytes = bound?.option === 'maxBytes' ? { maxBytes: bound.bytes } : {}
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
  const joining = scenario.pipelines.map((pipeline) => pipelineOf(pipeline, tables, halts))
  if (scenario.calls === undefined) return { tables, pipelines: joining, once: undefined }
  const { once, pipeline } = callPipeline(scenario.calls, send)
  return { tables, pipelines: [...joining, pipeline], once }
}

function pipelineOf(description: SimPipeline, tables: Application['tables'], halts: boolean): Pipeline {
  const { joins, maxRecords, maxKiB, whenFull } = description
  const events = topic(description.stream, { key: text(), value: json<SimEvent>() })
  const begin = stream(events, { onError: halts ? 'halt' : { deadLetter: DEAD } })
    .filter((event) => !isFiltered(description, event))
    .mapValues((event): SimResult => {
      if (throws(event)) throw new Error('intended exception')
      return { ...event, rows: [] }
    })
  let chain: Pick<typeof begin, 'join' | 'leftJoin' | 'to'> = begin
  for (const join of joins) {
    const rows = tables.get(join.table) as Table<string, SimRow>
    const appendVersion = (event: SimResult, row: SimRow | undefined): SimResult => ({
      ...event,
      rows: [...event.rows, row?.version ?? null],
    })
    const wait = join.atMostMs !== undefined && {
      atMost: `${join.atMostMs}ms` as const,
      ready: (row: SimRow, event: SimResult) => isReadyFor(join, row, event),
      maxRecords,
      maxBytes: `${maxKiB}KiB` as const,
      whenFull: whenFull === 'pause' ? whenFull : { deadLetter: DEAD },
    }
    const otherwise = join.otherwise === 'drop' ? join.otherwise : { deadLetter: DEAD }
    if (join.kind === 'left') chain = chain.leftJoin(rows, appendVersion, wait ? { wait } : {})
    else chain = chain.join(rows, appendVersion, wait ? { wait: { ...wait, otherwise } } : {})
  }
  return chain.to(topic(description.sink, { key: text(), value: json<SimResult>() }))
}
