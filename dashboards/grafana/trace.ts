/** Every call of one trace or request: where links of single calls lead. */
import { dashboard } from './dashboard.ts'
import { UID } from './links.ts'
import { callsOfTrace } from './queries/calls.ts'
import { traceId } from './variables.ts'

export const trace = dashboard({
  uid: UID.trace,
  title: 'Trace',
  description: 'Every call with one trace id or request id, in the order in which they began.',
  variables: [traceId],
  rows: [
    {
      title: 'Trace',
      panels: [
        callsOfTrace(
          'Calls of the trace or request',
          'In the order in which they began. Both proxies report a call. Callers choose request ids: do not trust them.',
        ),
      ],
    },
  ],
})
