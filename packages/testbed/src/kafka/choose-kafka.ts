/** The probes that the choice depends on. They are functions, so that the choice can be tested. */
export interface KafkaProbes {
  /** `KAFKA_BROKERS`. */
  readonly given: string | undefined
  /** Whether a Docker daemon responds and has, or can pull, the image. */
  docker(): Promise<boolean>
  /** The major version of the Java on the path. */
  java(): Promise<number | undefined>
  /** Whether Kafka's jars were fetched before. */
  jars(): boolean
  /** Whether Maven can fetch them. */
  maven(): Promise<boolean>
}

/** The source of Kafka. `missing` explains what to install. */
export type KafkaChoice =
  | { readonly from: 'given'; readonly brokers: readonly string[] }
  | { readonly from: 'docker' }
  | { readonly from: 'jars' }
  | { readonly from: 'nowhere'; readonly missing: string }

/** The oldest Java that Kafka 4 brokers run on. */
const JAVA = 17
const INSTALL = `install Java ${JAVA} or later and Maven`

/** Chooses a given broker first, then Docker, then jars on a local Java. `own`: never a given broker, because it may be killed. */
export async function chooseKafka(probes: KafkaProbes, own = false): Promise<KafkaChoice> {
  const brokers = (probes.given ?? '')
    .split(',')
    .map((broker) => broker.trim())
    .filter((broker) => broker !== '')
  if (brokers.length > 0 && !own) return { from: 'given', brokers }
  if (await probes.docker()) return { from: 'docker' }
  const lacks = await lacksFor(probes)
  if (lacks.length === 0) return { from: 'jars' }
  return {
    from: 'nowhere',
    missing: `no Docker daemon responds, and ${lacks.join(' and ')}: start Docker, or ${INSTALL}${own ? '' : ', or set KAFKA_BROKERS=host:port to a Kafka for tests'}`,
  }
}

/** @returns what to install so that brokers can run as Java processes; `undefined` if they can */
export async function localKafkaIsMissing(probes: KafkaProbes): Promise<string | undefined> {
  const lacks = await lacksFor(probes)
  return lacks.length === 0 ? undefined : `${lacks.join(' and ')}: ${INSTALL}`
}

async function lacksFor(probes: KafkaProbes): Promise<readonly string[]> {
  const java = await probes.java()
  const lacks: string[] = []
  if (java === undefined) lacks.push('there is no Java')
  else if (java < JAVA) lacks.push(`Java is ${java}`)
  if (!probes.jars() && !(await probes.maven())) lacks.push('there is no Maven to fetch Kafka with')
  return lacks
}
