/**
 * Canonical workload identities. Everything that names a principal in any mesh is turned into one text form, so that the same
 * workload has the same identity whoever reports it:
 *
 *   `<trust domain>/ns/<namespace>/sa/<service account>`         Istio (SPIFFE), Linkerd (DNS SAN)
 *   `<trust domain>/ns/<namespace>/dc/<datacenter>/svc/<name>`   Consul
 *   `<trust domain>/<any path>`                                  SPIRE and others: opaque
 *
 * Trust domains are case-insensitive (SPIFFE ID specification, section 2.1) and held in lower case; paths are case-sensitive.
 */
export interface Identity {
  trustDomain: string
  /** '' where the form does not tell. */
  namespace: string
  /** Service account, or service where the mesh identifies services; '' where opaque. */
  name: string
  kind: 'service_account' | 'service' | 'opaque'
}

/** Longest identity text accepted, in characters (SPIFFE ID specification, section 2.3: 2048 bytes). */
export const MAX_IDENTITY_LENGTH = 2048

const LINKERD_MARK = '.serviceaccount.identity.'
const NAME = /^[A-Za-z0-9._-]+$/
const OPAQUE_PATH = /^[\x21-\x7e]+$/

/**
 * Canonical text of a principal as a mesh writes it: a SPIFFE URI with or without `spiffe://`, or a Linkerd DNS name.
 * Returns '' for anything that names nobody ('-', 'unknown', malformed, too long).
 */
export function canonicalIdentity(text: string): string {
  if (text.length < 3 || text.length > MAX_IDENTITY_LENGTH || text === 'unknown') return ''
  if (text.startsWith('spiffe://')) return canonicalSpiffe(text.slice(9))
  const mark = text.lastIndexOf(LINKERD_MARK)
  if (mark > 0) return canonicalLinkerd(text, mark)
  return text.includes('/ns/') ? canonicalSpiffe(text) : ''
}

function canonicalSpiffe(rest: string): string {
  const slash = rest.indexOf('/')
  if (slash <= 0 || slash === rest.length - 1) return ''
  const domain = rest.slice(0, slash)
  const path = rest.slice(slash + 1)
  if (!NAME.test(domain) || !OPAQUE_PATH.test(path)) return ''
  return `${domain.toLowerCase()}/${path}`
}

/** `<sa>.<ns>.serviceaccount.identity.<control-plane-ns>.<trust domain>`; service accounts may hold dots, namespaces may not. */
function canonicalLinkerd(text: string, mark: number): string {
  const head = text.slice(0, mark)
  const tail = text.slice(mark + LINKERD_MARK.length)
  const lastDot = head.lastIndexOf('.')
  const controlPlaneEnd = tail.indexOf('.')
  if (lastDot <= 0 || controlPlaneEnd <= 0 || !NAME.test(head) || !NAME.test(tail)) return ''
  const domain = tail.slice(controlPlaneEnd + 1).toLowerCase()
  return domain === '' ? '' : `${domain}/ns/${head.slice(lastDot + 1)}/sa/${head.slice(0, lastDot)}`
}

/** The canonical text of an Istio-style service account. */
export function serviceAccountIdentity(trustDomain: string, namespace: string, serviceAccount: string): string {
  return `${trustDomain.toLowerCase()}/ns/${namespace}/sa/${serviceAccount}`
}

/** Parts of a canonical identity text (the result of `canonicalIdentity`). */
export function parseIdentity(canonical: string): Identity {
  const slash = canonical.indexOf('/')
  const trustDomain = slash < 0 ? canonical : canonical.slice(0, slash)
  const parts = canonical.slice(slash + 1).split('/')
  const at = parts.indexOf('ns')
  const namespace = at >= 0 ? (parts[at + 1] ?? '') : ''
  if (at === 0 && parts[2] === 'sa' && parts.length >= 4) {
    return { trustDomain, namespace, name: parts[3] ?? '', kind: 'service_account' }
  }
  const service = parts.indexOf('svc')
  if (at >= 0 && service === parts.length - 2) {
    return { trustDomain, namespace, name: parts[service + 1] ?? '', kind: 'service' }
  }
  return { trustDomain, namespace: '', name: '', kind: 'opaque' }
}
