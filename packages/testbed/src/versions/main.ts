// pnpm run versions [VERSION...]: runs the join of the README against releases of Kafka from Maven Central, and writes the table of
// docs/kafka-versions.md. Exits with 1 if a release behaves otherwise than expected. Without Java and Maven nothing runs.
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { type JoinOutcome, joinWithRestart } from '../join-check/join-with-restart.js'
import { localKafkaIsMissing } from '../kafka/choose-kafka.js'
import { kafkaProbes } from '../kafka/kafka-probes.js'
import { announceSkipped } from '../servers/announce-skipped.js'
import { RELEASES, type Release, startRelease } from './releases.js'
import { versionsPage } from './versions-page.js'

const PAGE = fileURLToPath(new URL('../../../../docs/kafka-versions.md', import.meta.url))

async function main(only: readonly string[]): Promise<number> {
  const missing = await localKafkaIsMissing(kafkaProbes)
  if (missing !== undefined) {
    announceSkipped(`NO KAFKA, SO NO VERSIONS: ${missing}`)
    return 0
  }
  const releases = RELEASES.filter(({ version }) => only.length === 0 || only.includes(version))
  if (releases.length === 0)
    throw new Error(`${only.join(', ')}: use ${RELEASES.map(({ version }) => version).join(', ')}`)
  const results: { readonly release: Release; readonly outcome: JoinOutcome }[] = []
  for (const release of releases) {
    const outcome = await outcomeWith(release)
    results.push({ release, outcome })
    console.log(JSON.stringify({ ...release, ...outcome }))
  }
  const isExpected = ({ release: { expected }, outcome: { type } }: (typeof results)[number]) =>
    expected === 'works' ? type === 'worked' : type === 'refused'
  const failed = results.filter((result) => !isExpected(result)).length
  if (only.length === 0 && failed === 0) await writeFile(PAGE, versionsPage(results))
  console.log(JSON.stringify({ runs: results.length, violations: failed }))
  return failed === 0 ? 0 : 1
}

async function outcomeWith(release: Release): Promise<JoinOutcome> {
  const kafka = await startRelease(release)
  try {
    return await joinWithRestart(kafka.brokers)
  } finally {
    await kafka.stop()
  }
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error)
    process.exit(2)
  },
)
