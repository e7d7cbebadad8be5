// Service B as a process. Environment: KAFKA_BROKERS, SERVICE_URL (the external service), PORT (probes and metrics).
import { run, shutdownSignal } from '@joinery/core'
import { kafkaLog } from '@joinery/kafkajs'
import { startHealthServer } from '../health-server.js'
import { logEvent } from '../log-event.js'
import { activate, postTo } from './pipeline.js'

const {
  KAFKA_BROKERS = 'localhost:9092',
  SERVICE_URL = 'http://localhost:8080/activations',
  PORT = '8082',
} = process.env
const pipeline = activate(postTo(SERVICE_URL))

await using health = await startHealthServer(Number(PORT)) // first: it has to respond while `run` connects
await using log = kafkaLog({ brokers: KAFKA_BROKERS.split(','), onRetry: (error) => logEvent({ type: 'log', error }) })
await using app = await run(pipeline, { application: 'service-b', log, signal: shutdownSignal(), onEvent: logEvent })
health.watch(app)
await app.closed // waits for running calls; an error ends the process with exit code 1
