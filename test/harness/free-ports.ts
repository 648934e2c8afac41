/**
 * Ports for programs that a test starts, kills and starts again. None of those that the system gives to whoever asks for any, be it a
 * listener or the near end of a connection (on Linux 32768 and up, net.ipv4.ip_local_port_range): while its program is not up, such a
 * port soon is another's.
 */
import { once } from 'node:events'
import { createServer } from 'node:net'

const FIRST = 12_000
/** Of one of the processes in which test files run beside each other. */
const SHARE = 5000
const PROCESSES = 4

const first = FIRST + (Number(process.env.VITEST_POOL_ID ?? 0) % PROCESSES) * SHARE
let next = Math.floor(Math.random() * SHARE)

/** None of them twice in a process. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  while (ports.length < count) {
    const port = first + (next % SHARE)
    next += 1
    if (await isFree(port)) ports.push(port)
  }
  return ports
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}
