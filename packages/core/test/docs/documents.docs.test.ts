import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { memoryLog, run, stream, table, text, topic } from '../../src/index.js'
import { openMetrics } from '../../src/openmetrics.js'
import { documents, fences, ROOT } from './code-blocks.js'

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')
const withoutCode = (markdown: string): string =>
  markdown.replaceAll(/^ *```.*?^ *```$/gms, '').replaceAll(/`[^`\n]*`/g, '')

/** The anchors that GitHub gives headings. */
const anchors = (markdown: string): string[] =>
  [...markdown.replaceAll(/^ *```.*?^ *```$/gms, '').matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )

describe('documents', () => {
  it('link to files and headings that exist', () => {
    const broken = documents().flatMap((file) =>
      [...withoutCode(read(file)).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) => {
        if (/^[a-z]+:/.test(target)) return []
        const [path = '', anchor] = target.split('#')
        const found = path === '' ? file : join(dirname(file), path)
        if (!existsSync(join(ROOT, found))) return [`${file}: ${target}`]
        return anchor === undefined || anchors(read(found)).includes(anchor) ? [] : [`${file}: ${target}`]
      }),
    )
    expect(broken).toEqual([])
  })

  it('can all be found from the README', () => {
    const linked = new Set(['README.md'])
    for (const file of linked) {
      for (const [, target = ''] of withoutCode(read(file)).matchAll(/\]\(([^)\s#]+)[^)]*\)/g)) {
        const found = join(dirname(file), target)
        if (found.endsWith('.md') && existsSync(join(ROOT, found))) linked.add(found)
      }
    }
    expect(documents().filter((file) => !linked.has(file))).toEqual([])
  })

  it('name no machine: no absolute paths of one, no hosts of another', () => {
    const named = documents().filter((file) => /\/(work|home|root)\/|registry\./.test(read(file)))
    expect(named).toEqual([])
  })
})

describe('docs/operating.md', () => {
  const page = read('docs/operating.md')

  it('has every metric, and no other', async () => {
    const serdes = { key: text(), value: text() }
    const pipeline = stream(topic('in', serdes))
      .join(table(topic('rows', serdes)), (value) => value)
      .to(topic('out', serdes))
    const calls = stream(topic('asked', serdes)).callOnce(async () => {}, { inDoubt: { deadLetter: 'in-doubt' } })
    await using app = await run([pipeline, calls], { application: 'metrics', log: memoryLog() })
    await app.ready
    const metrics = app.metrics()
    const gauges = { ...metrics.gauges, prefetchedBytes: 0, throttledMs: 0 } // of kafkaLog
    const known = [...openMetrics({ ...metrics, gauges }).matchAll(/^# TYPE (\S+)/gm)]
    const documented = [...page.matchAll(/^\| `(joinery_\w+?)(?:_total)?` +\|/gm)]
    expect(documented.map(([, name]) => name).sort()).toEqual(known.map(([, name]) => name).sort())
  })
})

describe('docs/custom-store.md', () => {
  it('has a store of less than 60 lines', () => {
    const store = fences('docs/custom-store.md', read('docs/custom-store.md')).find(({ info }) =>
      info.includes('file-stores'),
    )
    expect(store?.code.split('\n').filter((line) => line.trim() !== '').length).toBeLessThan(60)
  })
})
