// At most one request to an external service for each call id, however often its record is delivered.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { consume, json, memoryLog, produce, run, stream, text, topic } from '@joinery/core'

const service = createServer((request, response) => {
  console.log('the service received', request.method, request.url)
  response.writeHead(204).end()
}).listen(0, '127.0.0.1')
await once(service, 'listening')
const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}`

const notifications = topic('notifications', { key: text(), value: json<{ id: string; externalId: string }>() })
const activated = topic('activated', { key: text(), value: json<{ status: number }>() })

const activate = stream(notifications)
  .callOnce(
    async ({ externalId }, call) => {
      const { status } = await call.fetch(`${url}/products/${externalId}`, { method: 'POST' })
      return { status } // any complete response is a result
    },
    { id: ({ id }) => id, inDoubt: { deadLetter: 'service-b.in-doubt' }, timeout: '10s' },
  )
  .to(activated)

await using log = memoryLog()
await using app = await run(activate, { application: 'service-b', log })
const notification = { key: 'p1', value: { id: 'activation-1', externalId: 'x1' } }
await produce(log, notifications, notification, notification) // twice
for await (const { key, value } of consume(log, activated)) {
  console.log(key, value)
  break
}
await app.close()
service.close()
console.log('dropped', app.metrics().pipelines[activate.name]?.dropped)
