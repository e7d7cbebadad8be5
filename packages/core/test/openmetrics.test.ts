import { expect, it } from 'vitest'
import { openMetrics } from '../src/openmetrics.js'
import type { PipelineMetrics } from '../src/outcome/pipeline-metrics.js'

it('formats counters by pipeline and task, gauges and counters of the instance, and escaped labels', () => {
  const metrics: PipelineMetrics = {
    in: 5,
    emitted: 2,
    dropped: { filtered: 1 },
    deadLettered: { 'no-row': 1 },
    waiting: 1,
    oldestWaitMs: 1_500,
    joined: { 'the "rows"\n': 2 },
    unmatched: {},
    clamped: 0,
  }
  const lines = openMetrics({
    pipelines: { activation: metrics },
    tasks: { activation: { 3: metrics } },
    tables: { rows: { storedBytes: 4096 } },
    gauges: { waitingBytes: 17 },
    counts: { cacheHits: 3 },
  }).split('\n')
  expect(lines).toContain('# TYPE joinery_records_in counter')
  expect(lines).toContain('joinery_records_in_total{pipeline="activation",task="3"} 5')
  expect(lines).toContain('joinery_records_dropped_total{pipeline="activation",task="3",reason="filtered"} 1')
  expect(lines).toContain('joinery_records_dead_lettered_total{pipeline="activation",task="3",reason="no-row"} 1')
  expect(lines).toContain('joinery_records_waiting{pipeline="activation",task="3"} 1')
  expect(lines).toContain('# UNIT joinery_oldest_wait_seconds seconds')
  expect(lines).toContain('joinery_oldest_wait_seconds{pipeline="activation",task="3"} 1.5')
  expect(lines).toContain('joinery_records_joined_total{pipeline="activation",task="3",join="the \\"rows\\"\\n"} 2')
  expect(lines).toContain('# TYPE joinery_waiting_bytes gauge')
  expect(lines).toContain('joinery_waiting_bytes 17')
  expect(lines).toContain('# TYPE joinery_cache_hits counter')
  expect(lines).toContain('joinery_cache_hits_total 3')
  expect(lines).not.toContainEqual(expect.stringMatching(/^joinery_calls_reported_in_doubt_total/))
  expect(lines.slice(-2)).toEqual(['# EOF', ''])
})

it('describes the waiting records and the calls in doubt of a pipeline of calls', () => {
  const metrics: PipelineMetrics = {
    in: 3,
    emitted: 1,
    dropped: {},
    deadLettered: {},
    waiting: 2,
    oldestWaitMs: 0,
    joined: {},
    unmatched: {},
    clamped: 0,
    inDoubt: 1,
  }
  const lines = openMetrics({
    pipelines: { charge: metrics },
    tasks: { charge: { 0: metrics } },
    tables: {},
    gauges: { callsInDoubt: 1 },
    counts: {},
  }).split('\n')
  expect(lines).toContain('joinery_calls_reported_in_doubt_total{pipeline="charge",task="0"} 1')
  expect(lines).toContain('joinery_calls_in_doubt 1')
  expect(lines).toContainEqual(expect.stringMatching(/^# HELP joinery_records_waiting .*the outcome of their call/))
})
