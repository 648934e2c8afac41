import type { AddressInfo, Server } from 'node:net'
import { PipelineError } from './errors.ts'

/** Splits `host:port` (IPv6 hosts in brackets). Throws `config` where it is not one. */
export function parseAddress(address: string, key: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(address)
  const port = Number(match?.[3])
  if (match === null || port > 65_535) {
    throw new PipelineError('config', `${key}: ${JSON.stringify(address)} is not host:port`)
  }
  return { host: match[1] ?? match[2] ?? '', port }
}

/** Listens and gives the bound port; the error names the configuration key and what to do. */
export function listenOn(server: Server, address: string, key: string): Promise<number> {
  const { host, port } = parseAddress(address, key)
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why =
        cause.code === 'EADDRINUSE'
          ? `port ${port} is in use; stop the other program or set ${key} to another port`
          : `cannot listen (${cause.code ?? cause.message})`
      reject(new PipelineError('port_in_use', `${key} ${address}: ${why}`, { cause }))
    })
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port))
  })
}
