import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { hasDockerImage } from '../servers/docker-server.js'
import type { KafkaProbes } from './choose-kafka.js'
import { KAFKA_IMAGE } from './docker-broker.js'
import { hasKafkaJars } from './kafka-jars.js'

const run = promisify(execFile)
const PROBE_MS = 10_000

/** Probes this machine. */
export const kafkaProbes: KafkaProbes = {
  get given() {
    return process.env.KAFKA_BROKERS
  },
  docker: () =>
    run('docker', ['info'], { timeout: PROBE_MS }).then(
      () => hasDockerImage(KAFKA_IMAGE),
      () => false,
    ),
  java: () =>
    run('java', ['-version'], { timeout: PROBE_MS }).then(
      ({ stderr }) => javaVersion(stderr),
      () => undefined,
    ),
  jars: hasKafkaJars,
  maven: () =>
    run('mvn', ['--version'], { timeout: PROBE_MS }).then(
      () => true,
      () => false,
    ),
}

/** @returns the major version from the output of `java -version`: `17` for `"17.0.15"`, `8` for `"1.8.0_402"` */
export function javaVersion(text: string): number | undefined {
  const found = /version "(?:1\.)?(\d+)/.exec(text)
  return found === null ? undefined : Number(found[1])
}
