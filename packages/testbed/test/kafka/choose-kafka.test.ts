import { describe, expect, it } from 'vitest'
import { chooseKafka, type KafkaProbes } from '../../src/kafka/choose-kafka.js'
import { javaVersion } from '../../src/kafka/kafka-probes.js'

const machine = (has: {
  given?: string
  docker?: boolean
  java?: number
  jars?: boolean
  maven?: boolean
}): KafkaProbes => ({
  given: has.given,
  docker: async () => has.docker ?? false,
  java: async () => has.java,
  jars: () => has.jars ?? false,
  maven: async () => has.maven ?? false,
})

describe('where Kafka comes from', () => {
  it('KAFKA_BROKERS takes precedence', async () => {
    const everything = machine({ given: 'a:1, b:2', docker: true, java: 21, maven: true })
    expect(await chooseKafka(everything)).toEqual({ from: 'given', brokers: ['a:1', 'b:2'] })
  })

  it('an empty KAFKA_BROKERS is ignored', async () => {
    expect(await chooseKafka(machine({ given: ' ', docker: true }))).toEqual({ from: 'docker' })
  })

  it('Docker takes precedence over Java', async () => {
    expect(await chooseKafka(machine({ docker: true, java: 21, maven: true }))).toEqual({ from: 'docker' })
  })

  it('Java 17 is sufficient with Maven, or with jars that were fetched before', async () => {
    expect(await chooseKafka(machine({ java: 17, maven: true }))).toEqual({ from: 'jars' })
    expect(await chooseKafka(machine({ java: 25, jars: true }))).toEqual({ from: 'jars' })
  })

  it('a broker that may be killed is never the given one', async () => {
    expect(await chooseKafka(machine({ given: 'a:1', docker: true }), true)).toEqual({ from: 'docker' })
    expect(await chooseKafka(machine({ given: 'a:1' }), true)).toMatchObject({ from: 'nowhere' })
  })

  it.each([
    ['nothing at all', {}, ['Docker', 'no Java', 'Maven', 'KAFKA_BROKERS']],
    ['an old Java', { java: 11, maven: true }, ['Java is 11', 'Java 17']],
    ['Java without Maven', { java: 21 }, ['no Maven']],
  ])('with %s it explains what to install', async (_, has, words) => {
    const choice = await chooseKafka(machine(has))
    expect(choice.from).toBe('nowhere')
    for (const word of words) expect(choice).toHaveProperty('missing', expect.stringContaining(word))
  })
})

describe('the version of Java', () => {
  it.each([
    ['openjdk version "17.0.15" 2025-04-15', 17],
    ['java version "1.8.0_402"', 8],
    ['openjdk version "21" 2023-09-19', 21],
    ['command not found', undefined],
  ])('is read from %s', (text, version) => {
    expect(javaVersion(text)).toBe(version)
  })
})
