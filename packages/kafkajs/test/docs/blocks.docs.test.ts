import kafkajs from 'kafkajs'
import { describe, expect, it } from 'vitest'
import { commentBlocks, documentBlocks } from '../../../core/test/docs/code-blocks.js'
import { prepare } from '../../../core/test/docs/compile-blocks.js'
import { runBlock } from '../../../core/test/docs/run-block.js'
import * as joineryKafkajs from '../../src/index.js'

const blocks = [...documentBlocks(), ...commentBlocks()].map(prepare)
const modules = { '@joinery/kafkajs': joineryKafkajs, kafkajs }

// packages/core/test/docs compiles all of them, and runs those without Kafka
describe('code in documents and doc comments that needs kafkajs, but no broker', () => {
  for (const prepared of blocks) {
    const { block, imports } = prepared
    if (block.trial !== 'run' || !(imports.has('@joinery/kafkajs') || imports.has('kafkajs'))) continue
    it(`runs: ${block.file}:${block.line}`, () => runBlock(prepared, blocks, modules), 20_000)
  }
})

describe('code in documents that needs a broker', () => {
  it('is these programs and no others: each needs a test that checks what it does', () => {
    const onKafka = blocks.filter(({ block }) => block.trial === 'kafka')
    expect(onKafka.map(({ block }) => `${block.file} ${block.name}`).sort()).toEqual([
      ...['create-topics.ts', 'send.ts', 'service-a.ts', 'service-b.ts', 'watch.ts'].map(
        (name) => `docs/getting-started.md ${name}`, // getting-started.itest.ts
      ),
      'docs/operator.md each-batch.ts', // operator.itest.ts
    ])
  })
})
