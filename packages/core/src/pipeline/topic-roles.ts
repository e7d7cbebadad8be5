import { reportsTopic } from '../changelog/reports-topic.js'
import { checkTopicName } from './names.js'

/** The topics of an application by role. */
export interface TopicRoles {
  readonly streams: readonly string[]
  readonly tables: readonly string[]
  readonly outputs: readonly string[]
}

/** Checks that each topic has only one role in an application, because its position, its rows and its records have only one meaning. */
export function checkTopicRoles(
  application: string,
  { streams, tables, outputs }: TopicRoles,
  problem: (text: string) => void,
): void {
  const roles = new Map<string, string>()
  const assign = (topic: string, role: string) => {
    checkTopicName(topic, problem)
    const other = roles.get(topic)
    if (other === undefined) roles.set(topic, role)
    else if (other !== role) problem(`topic ${topic} is ${other} and ${role}: a topic has one role in an application`)
    else if (role === 'a stream')
      problem(`topic ${topic} is the stream of two pipelines: only one pipeline of an application can read it`)
  }
  assign(`${application}-changelog`, 'the changelog')
  assign(reportsTopic(application), 'the reports topic of calls')
  for (const topic of streams) assign(topic, 'a stream')
  for (const topic of tables) assign(topic, 'a table')
  for (const topic of outputs) assign(topic, 'an output')
}
