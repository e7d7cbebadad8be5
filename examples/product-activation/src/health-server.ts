import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { App } from '@joinery/core'
import { openMetrics } from '@joinery/core/openmetrics'

/** An HTTP server for an orchestrator's probes (`/live`, `/ready`, `/started`) and for Prometheus (`/metrics`). */
export interface HealthServer extends AsyncDisposable {
  readonly port: number
  /** From now on it reports on this application. Until then the process is live, but not ready. */
  watch(app: App): void
}

const CONNECTING = { live: true, ready: false, started: false }
const METRICS_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

/** Listens on a port; 0 chooses a free one. */
export async function startHealthServer(port: number): Promise<HealthServer> {
  let app: App | undefined
  const server = createServer(({ url }, response) => {
    if (url === '/metrics' && app !== undefined) {
      response.writeHead(200, { 'content-type': METRICS_TYPE }).end(openMetrics(app.metrics()))
      return
    }
    const health = app?.health() ?? CONNECTING
    const isWell = { '/live': health.live, '/ready': health.ready, '/started': health.started }[url ?? '']
    const status = isWell === undefined ? 404 : isWell ? 200 : 503
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(health))
  })
  server.listen(port)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    watch(running) {
      app = running
    },
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
