/**
 * A web page that a browser on this machine shows must not reach a loopback listener under a name of its own (DNS rebinding):
 * such a listener answers only requests whose Host names loopback.
 */

/** True for an IP address of this machine's loopback, as Node prints it. */
export function isLoopback(address: string): boolean {
  return address === '::1' || /^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(address)
}

/** True where a host of the configuration or a Host header, with or without port, names this machine. */
export function namesLoopback(host: string): boolean {
  const name = host.replace(/(?<=[^:]|\]):\d+$/, '').replace(/^\[(.*)\]$/, '$1')
  return name.toLowerCase() === 'localhost' || isLoopback(name)
}
