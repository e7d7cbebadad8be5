import type { JoinOutcome } from '../join-check/join-with-restart.js'
import { markdownTable } from '../markdown-table.js'
import type { Release } from './releases.js'

/** @returns docs/kafka-versions.md */
export function versionsPage(results: readonly { readonly release: Release; readonly outcome: JoinOutcome }[]): string {
  const rows = results.map(({ release: { version, mode }, outcome }) => [version, mode, resultOf(outcome)])
  return `# Kafka versions

\`pnpm run versions\` runs a join with \`kafkaLog\` against one broker of each of these releases, and writes this page. Events
come before and after their rows, one event expires, and the application is restarted in between; another client reads the
results. What a cluster needs is in [operating.md](operating.md#the-cluster).

${markdownTable(['Kafka', 'Metadata in', 'Result'], rows)}
`
}

const resultOf = (outcome: JoinOutcome): string => {
  if (outcome.type === 'worked') return 'works'
  // the port differs each time
  if (outcome.type === 'refused') return `refused: ${outcome.message.replace(/127\.0\.0\.1:\d+/, '`host:port`')}`
  return `fails: ${outcome.problems.join('; ')}`
}
