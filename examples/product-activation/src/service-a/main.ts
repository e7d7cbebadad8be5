// Service A as a process. Environment: KAFKA_BROKERS, PORT (probes and metrics).
import { run, shutdownSignal } from '@joinery/core'
import { kafkaLog } from '@joinery/kafkajs'
import { startHealthServer } from '../health-server.js'
import { logEvent } from '../log-event.js'
import { notify } from './pipeline.js'

const { KAFKA_BROKERS = 'localhost:9092', PORT = '8081' } = process.env

await using health = await startHealthServer(Number(PORT)) // first: it has to respond while `run` connects
await using log = kafkaLog({ brokers: KAFKA_BROKERS.split(','), onRetry: (error) => logEvent({ type: 'log', error }) })
await using app = await run(notify, { application: 'service-a', log, signal: shutdownSignal(), onEvent: logEvent })
health.watch(app)
await app.closed // after SIGTERM or SIGINT; an error ends the process with exit code 1
