/** The callers: real HTTP, gRPC and TCP clients of an application that talks to its own sidecar. */
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { Client, credentials } from '@grpc/grpc-js'

export interface Target {
  host: string
  port: number
  /** Address the caller speaks from. */
  from: string
}

export interface HttpCall {
  path: string
  authority: string
  requestId?: string
}

/** HTTP status of one call. */
export async function httpCall(target: Target, call: HttpCall, agent?: Agent): Promise<number> {
  const headers = { host: call.authority, ...(call.requestId && { 'x-request-id': call.requestId }) }
  const options = { host: target.host, port: target.port, localAddress: target.from, path: call.path, headers }
  const sent = request({ ...options, agent: agent ?? new Agent({ keepAlive: false }) })
  sent.end()
  const [response] = await once(sent, 'response')
  response.resume()
  await once(response, 'end')
  return response.statusCode
}

/** Many calls over a few kept connections; statuses by how often they came. */
export async function httpCalls(target: Target, call: HttpCall, times: number): Promise<Record<string, number>> {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 })
  const statuses: Record<string, number> = {}
  const one = async (): Promise<void> => {
    const status = await httpCall(target, call, agent)
    statuses[status] = (statuses[status] ?? 0) + 1
  }
  await Promise.all(Array.from({ length: times }, one))
  agent.destroy()
  return statuses
}

/** gRPC status code of one unary call. */
export async function grpcCall(target: Target, method: string): Promise<number> {
  const client = new Client(`${target.host}:${target.port}`, credentials.createInsecure(), {
    'grpc.default_authority': 'cart.shop:9090',
  })
  const asIs = (bytes: Buffer): Buffer => bytes
  const code = await new Promise<number>((resolve) => {
    client.makeUnaryRequest(method, asIs, asIs, Buffer.alloc(4), (error) => resolve(error?.code ?? 0))
  })
  client.close()
  return code
}

/** What came back over a TCP connection after sending `text`; '' where it was closed without an answer. */
export async function tcpCall(target: Target, text: string): Promise<string> {
  const socket = connect({ host: target.host, port: target.port, localAddress: target.from })
  let answer = ''
  socket.on('data', (chunk) => {
    answer += chunk
  })
  // A reset is an answer too: the other side closed the connection.
  socket.on('error', () => {})
  socket.write(text)
  await new Promise((resolve) => socket.on('close', resolve))
  return answer
}
