/** What stands in the map's place where there are no calls, and what to do about it. */
import type { HealthAnswer } from '../data/health.ts'
import { get } from './api.ts'
import { h } from './dom.ts'
import { ago } from './format.ts'
import type { Surroundings } from './view.ts'

export async function emptyMap(around: Surroundings, signal: AbortSignal): Promise<HTMLElement> {
  const { isStoreEmpty, judgedUntil, now } = await get<HealthAnswer>('/health', {}, signal)
  if (!isStoreEmpty) {
    const last = judgedUntil === 0 ? 'There were none in the last day.' : `The newest are of ${ago(judgedUntil, now)}.`
    return h(
      'div',
      { class: 'empty' },
      h('h2', {}, `No calls in ${around.range.text()}`),
      h('p', {}, `${last} Choose another time above, or see under “Coverage” whether telemetry still comes.`),
    )
  }
  return h(
    'div',
    { class: 'empty' },
    h('h2', {}, 'No calls yet'),
    h('p', {}, 'Services appear here about half a minute after their proxies have sent the first access logs.'),
    h(
      'ol',
      {},
      h(
        'li',
        {},
        'Let your proxies send access logs over OTLP to this machine, port 4317 (gRPC) or 4318 (HTTP) unless you chose others. What to paste: docs/connect-envoy.md, docs/connect-istio.md.',
      ),
      h('li', {}, 'Export what your cluster declares, so that the map knows what is allowed: docs/policy.md.'),
      h('li', {}, '“eastwatch doctor” says what each detector can see, and what mends what it cannot.'),
    ),
    h('p', { class: 'quiet' }, 'To see it at work first: npm run demo.'),
  )
}
