/** The whole test mesh: certificates, applications, one Envoy per pod, and the sink their logs go to. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type App, startForwarder, startGrpcApp, startHttpApp, startTcpApp } from './apps.ts'
import { bootstrap } from './bootstrap.ts'
import { type Certificate, createAuthority } from './ca.ts'
import type { Target } from './clients.ts'
import { claimSubnet, type Pod, type PodName, placePods } from './pods.ts'
import { type Sidecar, startSidecar } from './sidecars.ts'
import { type Sink, startSink } from './sink.ts'

export interface Mesh {
  pods: Record<PodName, Pod>
  /** Serial of each pod's certificate, lower-case hex. */
  serials: Partial<Record<PodName, string>>
  sink: Sink
  /** Of the pods whose logs go aside. */
  sinkAside: Sink
  /** Where the application in pod `from` reaches `to`, through its own sidecar. */
  through(from: PodName, to: PodName, port: number, subset?: 'tls12'): Target
  stop(): Promise<void>
}

export async function startMesh(binary: string): Promise<Mesh> {
  const folder = mkdtempSync(join(tmpdir(), 'eastwatch-mesh-'))
  const closers: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })]
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close()
  }
  try {
    return await build(binary, folder, closers, stop)
  } catch (error) {
    await stop()
    throw error
  }
}

async function build(binary: string, folder: string, closers: (() => unknown)[], stop: Mesh['stop']): Promise<Mesh> {
  const { subnet, lock } = await claimSubnet()
  closers.push(() => lock.close())
  const pods = placePods(subnet)
  const [sink, sinkAside] = [await startSink(), await startSink()]
  closers.push(sink.close, sinkAside.close)
  const app = async (starting: Promise<App>): Promise<number> => {
    const started = await starting
    closers.push(started.close)
    return started.port
  }
  const cart = { host: pods.cart.address, port: 8080, from: pods.web2.address }
  const forwarderPort = await app(startForwarder(cart))
  await app(startHttpApp(undefined, { host: pods.bare.address, port: 8080 }))

  const meshCa = createAuthority(folder, TRUSTED)
  const otherCa = createAuthority(folder, 'somebody-else')
  const serials: Mesh['serials'] = {}
  const starting: Promise<Sidecar>[] = []
  for (const pod of Object.values(pods)) {
    const appPorts = new Map<number, number>()
    for (const { port, kind, appDown } of pod.inbound) {
      const next = pod.outbound.find((outbound) => outbound.to === 'pay')
      const http = () => startHttpApp(next && { host: pod.address, port: next.listen })
      const start = kind === 'http' ? http : kind === 'grpc' ? startGrpcApp : startTcpApp
      // Port 1 of the loopback address answers nobody.
      appPorts.set(port, appDown ? 1 : await app(start()))
    }
    if (appPorts.size + pod.outbound.length === 0) continue
    let certificate: Certificate | undefined
    if (pod.credential !== 'none') {
      const issuer = pod.credential === 'unknown_ca' ? otherCa : meshCa
      certificate = issuer.issue(pod.name, pod.uri, pod.credential === 'expired' ? 'expired' : 'valid')
      serials[pod.name] = certificate.serial
    }
    const sinkPort = (pod.aside ? sinkAside : sink).port
    const around = { pods, trustedCa: meshCa.caFile, certificate, sinkPort, appPorts, forwarderPort }
    starting.push(startSidecar(binary, folder, pod.name, bootstrap(pod, around)))
  }
  const started = await Promise.allSettled(starting)
  for (const one of started) if (one.status === 'fulfilled') closers.push(one.value.stop)
  for (const one of started) if (one.status === 'rejected') throw one.reason

  return {
    pods,
    serials,
    sink,
    sinkAside,
    through(from, to, port, subset) {
      const found = pods[from].outbound.find((o) => o.to === to && o.port === port && o.subset === subset)
      if (found === undefined) throw new Error(`${from} has no way to ${to}:${port}`)
      return { host: pods[from].address, port: found.listen, from: pods[from].address }
    },
    stop,
  }
}

/** Organisation in the subject of the authority the mesh trusts. */
const TRUSTED = 'cluster.local'
