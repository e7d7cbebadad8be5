import { describe, expect, it } from 'vitest'
import { documents } from './code-blocks.js'
import { COMPILED_RULES, PROSE_EXCEPTIONS, PROSE_RULES } from './prose-rules.js'
import { filesUnder, lineOf, proseOf } from './prose-text.js'

/** What is checked. */
const CHECKED: readonly string[] = [
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'README.md',
  'SECURITY.md',
  '.changeset',
  'docs',
  'scripts',
  'packages/*/README.md',
  'packages/*/src',
  'packages/bench/test',
  'packages/conformance/test',
  'packages/kafkajs/test',
  'packages/lmdb/test',
  'packages/redis/test',
  'packages/testbed/test',
  'examples/*/README.md',
  'examples/*/src',
  'examples/*/test',
]

/** What a piece of prose must not contain, and what to write instead. */
function hitsOf(text: string): { readonly at: number; readonly hit: string }[] {
  return COMPILED_RULES.flatMap(([{ instead, reason }, pattern]) =>
    [...text.matchAll(pattern)].map(({ 0: phrase, index }) => ({
      at: index,
      hit: `"${phrase.replaceAll(/\s+/g, ' ')}": ${reason}; write ${instead}`,
    })),
  )
}

describe('prose', () => {
  it.each(CHECKED)('of %s has none of the refused phrases', (root) => {
    const hits = filesUnder(root).flatMap((file) =>
      proseOf(file).flatMap(({ line, text }) =>
        hitsOf(text)
          .filter(({ at }) => !(PROSE_EXCEPTIONS[file] ?? []).some((kept) => text.slice(at).startsWith(kept)))
          .map(({ at, hit }) => `${file}:${line - 1 + lineOf(text, at)}: ${hit}`),
      ),
    )
    expect(hits).toEqual([])
  })

  it('is checked in every document', () => {
    const covered = new Set(CHECKED.flatMap(filesUnder))
    expect(documents().filter((file) => !covered.has(file))).toEqual([])
  })
})

describe('the rules', () => {
  it.each(PROSE_RULES)('refuse: $refuses', ({ refuses, instead }) => {
    expect(hitsOf(refuses).map(({ hit }) => hit)).toEqual(
      expect.arrayContaining([expect.stringContaining(`; write ${instead}`)]),
    )
  })

  it('accept plain English', () => {
    const accepted = [
      'Returns the row of a key, or `undefined` if there is none.',
      'The call is in doubt: it is neither retried nor dropped until a person resolves it.',
      'There is no row, so the event waits; it is no longer in the buffer after that.',
      'The process that opened the store closes it. Who owns the task? The group decides.',
      'What a crash can cause depends on where the state is kept. If a seed no longer applies, see testing.md.',
      'Connection to broker broker-1:9092 lost: whatever happens next, an incomplete step is rolled back.',
      'It expected a string, got number. Of course, the broker takes its partitions back when it restarts.',
    ]
    expect(accepted.flatMap((text) => hitsOf(text))).toEqual([])
  })
})
