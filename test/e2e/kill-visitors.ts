/**
 * Callers that prove who they are only now and then, and are refused in between: by then only what was learned, minutes and maybe
 * deaths ago, can say who they are. No stretch holds both: within one, deliveries are sent in parallel, in no order.
 */
import { DAY, SECOND } from '../../core/clock.ts'
import type { AccessLog } from '../../demo/access-log.ts'

const STRETCH_US = 30 * SECOND
/** At an address of its own; proven every six minutes. */
export const STEADY = '10.42.7.7'
/** Two identities within ten minutes, then the second one alone. */
export const DISPUTED = '10.42.7.8'

/** Who refuses them: busy services, each with one such caller, so that it is the caller's trouble. */
const REFUSED_BY = { [STEADY]: 'cart', [DISPUTED]: 'currency' }

/** Stretches in which an address proves an identity. */
const PROOFS: readonly { address: string; account: string; at: readonly number[] }[] = [
  { address: STEADY, account: 'payment', at: [0, 12, 24, 36, 48, 60] },
  { address: DISPUTED, account: 'payment', at: [4] },
  { address: DISPUTED, account: 'shipping', at: [8, 20, 32] },
]

/** @param story what everybody else reports; its forms are used */
export function visits(story: readonly AccessLog[], origin: number, minutes: number): AccessLog[] {
  const proven = story.find(
    ({ attributes }) =>
      attributes.access_log_type === 'DownstreamEnd' &&
      attributes.response_code === '200' &&
      String(attributes.downstream_peer_uri_san).endsWith('/sa/checkout'),
  )!
  const refused = story.find(({ attributes }) =>
    String(attributes.downstream_transport_failure_reason).includes('certificate_has_expired'),
  )!
  const at = (stretch: number) => origin + stretch * STRETCH_US + 5 * SECOND
  const from = (address: string) => `${address}:40000`
  const records = PROOFS.flatMap(({ address, account, at: stretches }) =>
    stretches.map((stretch) => ({
      ...proven,
      startUs: at(stretch),
      attributes: {
        ...proven.attributes,
        downstream_remote_address: from(address),
        downstream_peer_uri_san: `spiffe://cluster.local/ns/shop/sa/${account}`,
      },
    })),
  )
  for (const [address, service] of Object.entries(REFUSED_BY)) {
    const { pod } = story.find((record) => record.pod.service === service)!
    const proofs = PROOFS.filter((proof) => proof.address === address).flatMap((proof) => proof.at)
    for (let stretch = 0; stretch < (minutes * 60 * SECOND) / STRETCH_US; stretch += 1) {
      if (proofs.includes(stretch)) continue
      const attributes = {
        ...refused.attributes,
        downstream_remote_address: from(address),
        downstream_local_uri_san: `spiffe://cluster.local/ns/shop/sa/${service}`,
        downstream_local_address: `${pod.address}:8080`,
        requested_server_name: `outbound_.8080_._.${service}.shop.svc.cluster.local`,
        downstream_peer_cert_v_end: new Date((origin - DAY) / 1000).toISOString(),
      }
      records.push({ pod, startUs: at(stretch), attributes })
    }
  }
  return records
}
