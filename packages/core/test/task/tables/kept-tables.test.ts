import { expect, it } from 'vitest'
import type { TopicInfo } from '../../../src/log.js'
import type { ApplicationPlan } from '../../../src/pipeline/plan.js'
import { keptTables } from '../../../src/task/tables/kept-tables.js'

it.each([
  ['table-first', 'compact', false],
  ['table-first', 'delete', true],
  ['table-first', 'compact,delete', true],
  ['by-timestamp', 'compact', true], // its rows are those of an earlier time than the end of its topic
  ['by-timestamp', 'delete', true],
] as const)('the rows of a %s table with cleanup.policy %s are kept in the changelog: %s', (order, cleanup, isKept) => {
  const plan = { tables: [{ topic: 'rows', order }] } as unknown as ApplicationPlan
  const inputs = new Map([['rows', { cleanup } as TopicInfo]])
  expect([...keptTables(plan, inputs)]).toEqual(isKept ? ['rows'] : [])
})
