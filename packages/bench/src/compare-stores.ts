// node dist/compare-stores.js memory lmdb redis: measures each store, and prints the ratios to the first one.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

type Figures = Readonly<Record<'bytesPerRow' | 'loaded' | 'updated' | 'readAtRandom' | 'scanRate' | 'reopenMs', number>>

const FIGURES: readonly (readonly [keyof Figures, string])[] = [
  ['bytesPerRow', "bytes of the process's memory per row"],
  ['loaded', 'rows/s written in order, 5000 per commit'],
  ['updated', 'rows/s written at random'],
  ['readAtRandom', 'rows/s read at random, 256 per call'],
  ['scanRate', 'rows/s scanned'],
  ['reopenMs', 'ms to reopen'],
]

const names = process.argv.slice(2)
if (names.length === 0) names.push('memory', 'lmdb')
const program = fileURLToPath(new URL('measure-store.js', import.meta.url))
const all = names.map((STORE): Figures => {
  const { status, stdout } = spawnSync(process.execPath, ['--expose-gc', '--max-old-space-size=8192', program], {
    env: { ...process.env, STORE },
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`${STORE} failed`)
  console.log(stdout.trim())
  return JSON.parse(stdout) as Figures
})
for (const [figure, meaning] of FIGURES) {
  const first = all[0]?.[figure] ?? Number.NaN
  const cells = all.map(
    (each, i) => `${names[i]} ${each[figure]}${i === 0 ? '' : ` (${(each[figure] / first).toFixed(2)})`}`,
  )
  console.log(`${meaning}: ${cells.join(', ')}`)
}
