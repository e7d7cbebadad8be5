/** What the choice depends on, so that it can be tested without any of it. */
export interface KafkaProbes {
  /** `KAFKA_BROKERS`. */
  readonly given: string | undefined
  /** Whether a Docker daemon answers and has, or can get, the image. */
  docker(): Promise<boolean>
  /** The major version of the Java on the path. */
  java(): Promise<number | undefined>
  /** Whether Kafka's jars are here already. */
  jars(): boolean
  /** Whether Maven can fetch them. */
  maven(): Promise<boolean>
}

/** Where Kafka comes from; `missing` says what to install. */
export type KafkaChoice =
  | { readonly from: 'given'; readonly brokers: readonly string[] }
  | { readonly from: 'docker' }
  | { readonly from: 'jars' }
  | { readonly from: 'nowhere'; readonly missing: string }

/** The oldest Java that Kafka 4 brokers run on. */
const JAVA = 17

/** Given brokers first, then Docker, then jars on a local Java. `own`: a broker that may be killed, so never a given one. */
export async function chooseKafka(probes: KafkaProbes, own = false): Promise<KafkaChoice> {
  const brokers = (probes.given ?? '')
    .split(',')
    .map((broker) => broker.trim())
    .filter((broker) => broker !== '')
  if (brokers.length > 0 && !own) return { from: 'given', brokers }
  if (await probes.docker()) return { from: 'docker' }
  const java = await probes.java()
  const lacks: string[] = []
  if (java === undefined) lacks.push('there is no Java')
  else if (java < JAVA) lacks.push(`Java is ${java}`)
  if (!probes.jars() && !(await probes.maven())) lacks.push('there is no Maven to fetch Kafka with')
  if (lacks.length === 0) return { from: 'jars' }
  return {
    from: 'nowhere',
    missing: `no Docker daemon answers, and ${lacks.join(' and ')}: start Docker, or install Java ${JAVA} or later and Maven${own ? '' : ', or set KAFKA_BROKERS=host:port to a Kafka for tests'}`,
  }
}
