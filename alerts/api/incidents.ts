/** Operations on incidents: list, look at one, acknowledge, resolve, accept as normal. */
import { z } from 'zod'
import type { Actor } from '../../core/action.ts'
import { DAY } from '../../core/clock.ts'
import { PipelineError } from '../../core/errors.ts'
import { INTRUSIONS } from '../../detectors/tls-finding.ts'
import type { IncidentRecord } from '../../storage/incident-records.ts'
import { labelsOf } from '../labels.ts'
import { isWithin } from '../silences.ts'
import { INCIDENT_COLUMNS, IncidentAnswer, isVisible } from './incident-answer.ts'
import { type ApiContext, type Operation, operation } from './operation.ts'
import { acted, Reason, Taken, take } from './take.ts'

const MAX_LISTED = 1_000
const MAX_HISTORY = 500

const list = operation({
  method: 'get',
  path: '/incidents',
  summary: 'Incidents, the newest change first.',
  role: 'reader',
  query: z.object({
    state: z
      .string()
      .regex(/^(open|acknowledged|silenced|resolved)(,(open|acknowledged|silenced|resolved))*$/)
      .optional(),
    severity: z
      .string()
      .regex(/^(info|warning|high|critical)(,(info|warning|high|critical))*$/)
      .optional(),
    search: z.string().max(200).default('').describe('Part of a summary, source, destination or cause.'),
    from: z.coerce.number().min(0).max(8e15).default(0).describe('Changed at or after, epoch milliseconds.'),
    until: z.coerce.number().min(0).max(8e15).optional().describe('Opened before, epoch milliseconds.'),
    limit: z.coerce.number().int().min(1).max(MAX_LISTED).default(200),
  }),
  answer: z.object({ incidents: z.array(IncidentAnswer), more: z.boolean().describe('There are more than these.') }),
  async handle({ actor, query: { state, severity, search, from, until, limit } }, { store }) {
    const sql = `SELECT ${INCIDENT_COLUMNS} FROM eastwatch.incidents FINAL
      WHERE updated_at >= fromUnixTimestamp64Milli({from:Int64}) AND opened_at < fromUnixTimestamp64Milli({until:Int64})
        AND has({states:Array(String)}, state) AND has({severities:Array(String)}, severity)
        AND ({search:String} = '' OR positionCaseInsensitiveUTF8(concat(summary, ' ', cause, ' ',
          arrayStringConcat(sources, ' '), ' ', arrayStringConcat(destinations, ' ')), {search:String}) > 0)
        AND ${isVisible(actor)}
      ORDER BY updated_at DESC, id LIMIT {limit:UInt32}`
    const incidents = await store.rows<IncidentAnswer>(sql, {
      from,
      until: until ?? 8_000_000_000_000,
      states: state?.split(',') ?? ['open', 'acknowledged', 'silenced', 'resolved'],
      severities: severity?.split(',') ?? ['info', 'warning', 'high', 'critical'],
      search,
      limit: limit + 1,
      namespaces: actor.namespaces,
    })
    return { incidents: incidents.slice(0, limit), more: incidents.length > limit }
  },
})

const AuditAnswer = z.object({ at: z.number(), actor: z.string(), action: z.string(), detail: z.string() })
const NotificationAnswer = z.object({
  at: z.number(),
  receiver: z.string(),
  reason: z.string(),
  status: z.string(),
  attempt: z.number(),
  detail: z.string(),
})

const show = operation({
  method: 'get',
  path: '/incidents/{id}',
  summary: 'An incident with its evidence, what people did about it, and who was told.',
  role: 'reader',
  answer: IncidentAnswer.extend({
    evidence: z.record(z.string(), z.unknown()).describe('Of its newest finding: docs/alerts.md.'),
    audit: z.array(AuditAnswer),
    notifications: z.array(NotificationAnswer),
  }),
  async handle({ actor, path: { id } }, { store }) {
    const params = { id, namespaces: actor.namespaces }
    const [incident] = await store.rows<IncidentAnswer & { evidence: string }>(
      `SELECT ${INCIDENT_COLUMNS}, evidence FROM eastwatch.incidents FINAL WHERE id = {id:String} AND ${isVisible(actor)}`,
      params,
    )
    if (incident === undefined) throw unknown(id)
    const [audit, notifications] = await Promise.all([
      store.rows<z.output<typeof AuditAnswer>>(
        `SELECT toFloat64(toUnixTimestamp64Milli(at)) AS at, actor, action, detail FROM eastwatch.audit
         WHERE subject = concat('incident ', {id:String}) ORDER BY at LIMIT ${MAX_HISTORY}`,
        params,
      ),
      store.rows<z.output<typeof NotificationAnswer>>(
        `SELECT toFloat64(toUnixTimestamp64Milli(at)) AS at, receiver, reason, status, attempt, detail
         FROM eastwatch.notifications WHERE incident_id = {id:String} ORDER BY at LIMIT ${MAX_HISTORY}`,
        params,
      ),
    ])
    return { ...incident, evidence: JSON.parse(incident.evidence), audit, notifications }
  },
})

const plainly = (type: 'acknowledge' | 'resolve', summary: string) =>
  operation({
    method: 'post',
    path: `/incidents/{id}/${type}`,
    summary,
    role: 'operator',
    body: z.object({ reason: Reason }),
    answer: Taken,
    accepted: true,
    async handle({ actor, path, body: { reason } }, context) {
      const incident = await ownIncident(path.id, actor, context)
      return take({ ...acted(actor, reason, context), type, ...incident }, context)
    },
  })

const acknowledge = plainly('acknowledge', 'Somebody has it: it is not told again unless it becomes worse.')
const resolve = plainly('resolve', 'It is over. It opens again when its cause comes back.')

const accept = operation({
  method: 'post',
  path: '/incidents/{id}/accept',
  summary:
    'It is normal: resolves it, and the like of it opens nothing for so many days. What is new about it still does.',
  role: 'operator',
  body: z.object({ reason: Reason, days: z.number().int().min(1).max(90).default(30) }),
  answer: Taken,
  accepted: true,
  async handle({ actor, path, body: { reason, days } }, context) {
    const { kinds, ...incident } = await ownIncident(path.id, actor, context)
    if (actor.role !== 'admin' && kinds.some((kind) => INTRUSIONS.includes(kind))) {
      throw new PipelineError('forbidden', 'that a false or stolen identity is normal can be said by an admin only')
    }
    const until = context.now() + days * DAY
    return take({ ...acted(actor, reason, context), type: 'accept', until, ...incident }, context)
  },
})

export const INCIDENT_OPERATIONS: readonly Operation[] = [list, show, acknowledge, resolve, accept]

/** Throws `not_found` where the actor sees none of this id, `forbidden` where it is not wholly the actor's. */
async function ownIncident(id: string | undefined, actor: Actor, { store }: ApiContext) {
  const [row] = await store.rows<Stored>(
    `SELECT fingerprint, kinds, source_namespace, destination_namespace, sources, destinations
     FROM eastwatch.incidents FINAL WHERE id = {id:String} AND ${isVisible(actor)}`,
    { id, namespaces: actor.namespaces },
  )
  if (row === undefined) throw unknown(id)
  const { fingerprint, kinds, sources, destinations, source_namespace, destination_namespace } = row
  const named = {
    sources,
    destinations,
    sourceNamespace: source_namespace,
    destinationNamespace: destination_namespace,
  }
  // Labels of where it is are all that is asked of it here.
  const labels = labelsOf({ kinds, ...named } as unknown as IncidentRecord)
  if (!isWithin(labels, actor.namespaces)) {
    throw new PipelineError(
      'forbidden',
      `incident ${id} is not wholly within the namespaces ${actor.namespaces.join(', ')}`,
    )
  }
  return { incidentId: id!, fingerprint, kinds }
}

interface Stored {
  fingerprint: string
  kinds: string[]
  source_namespace: string
  destination_namespace: string
  sources: string[]
  destinations: string[]
}

function unknown(id: string | undefined): PipelineError {
  return new PipelineError('not_found', `there is no incident ${id}`)
}
