import { describe, expect, it } from 'vitest'
import { documentBlocks } from '../../../core/test/docs/code-blocks.js'
import { prepare } from '../../../core/test/docs/compile-blocks.js'

const blocks = documentBlocks().map(prepare)
const onKafka = blocks.filter(({ block }) => block.trial === 'kafka')

describe('code in documents that needs a broker', () => {
  it('is these programs and no others: each needs a test that checks what it does', () => {
    expect(onKafka.map(({ block }) => `${block.file} ${block.name}`).sort()).toEqual([
      ...['create-topics.ts', 'send.ts', 'service-a.ts', 'service-b.ts', 'watch.ts'].map(
        (name) => `docs/getting-started.md ${name}`, // getting-started.itest.ts
      ),
      'docs/operator.md each-batch.ts', // operator.itest.ts
    ])
  })
})
