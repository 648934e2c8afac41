/** Who is told of which incidents: the tree of routes, and what holds an incident back. */
import { z } from 'zod'
import { messageOf } from '../../core/errors.ts'
import { LABELS } from '../labels.ts'
import { MAX_MATCHERS, parseMatcher } from '../matcher.ts'

const MAX_ROUTES = 64

const Matchers = z
  .array(
    z.string().superRefine((text, context) => {
      try {
        parseMatcher(text)
      } catch (error) {
        context.addIssue({ code: 'custom', message: messageOf(error) })
      }
    }),
  )
  .max(MAX_MATCHERS)

const Names = z.array(z.string()).max(32)

/** What a route leaves out it has from the route above it. */
export interface RouteConfig {
  match: string[]
  receivers?: string[] | undefined
  groupBy?: (typeof LABELS)[number][] | undefined
  groupWaitSeconds?: number | undefined
  groupIntervalSeconds?: number | undefined
  repeatHours?: number | undefined
  muteDuring?: string[] | undefined
  activeDuring?: string[] | undefined
  continue: boolean
  routes: RouteConfig[]
}

type RouteInput = { [K in Exclude<keyof RouteConfig, 'routes'>]?: RouteConfig[K] | undefined } & {
  routes?: RouteInput[] | undefined
}

const fields = {
  receivers: Names.optional().describe(
    'Names of receivers that are told. The topmost route has all of them by default.',
  ),
  groupBy: z
    .array(z.enum(LABELS))
    .max(LABELS.length)
    .optional()
    .describe('Incidents that are alike in these labels are told together. By default `cause`.'),
  groupWaitSeconds: z
    .number()
    .min(0)
    .max(600)
    .optional()
    .describe('How long the first message of a group waits for more incidents of it. By default 0.5.'),
  groupIntervalSeconds: z
    .number()
    .min(0)
    .max(86_400)
    .optional()
    .describe(
      'How long further incidents of a group that was told wait. What has become worse does not wait. By default 60.',
    ),
  repeatHours: z
    .number()
    .min(0)
    .max(720)
    .optional()
    .describe('How often an incident that is open and not acknowledged is told again; 0 means never. By default 12.'),
  muteDuring: Names.optional().describe(
    'Names of time intervals in which nothing is told; it is told after them, if it is still open.',
  ),
  activeDuring: Names.optional().describe('Names of time intervals outside of which nothing is told.'),
}

const Route: z.ZodType<RouteConfig, RouteInput> = z.lazy(() =>
  z.strictObject({
    match: Matchers.default([]).describe(
      'All of which must hold for an incident to take this route, such as severity="critical" or destination_namespace=~"shop|ledger".',
    ),
    ...fields,
    continue: z.boolean().default(false).describe('Also tries the routes beside it that come after.'),
    routes: Routes,
  }),
)

const Routes: z.ZodDefault<z.ZodArray<typeof Route>> = z
  .array(Route)
  .max(MAX_ROUTES)
  .default([])
  .describe('Further routes below this one, of the same keys.')

export const RootRoute = z.strictObject({
  ...fields,
  routes: z
    .array(Route)
    .max(MAX_ROUTES)
    .default([])
    .describe('Tried in order; the first that matches is taken. Where none does, the route itself is.'),
})
export type RootRoute = z.output<typeof RootRoute>

export const InhibitRule = z.strictObject({
  source: Matchers.min(1).describe('Matchers of incidents that hold back others while they are open.'),
  target: Matchers.min(1).describe('Matchers of incidents that are held back.'),
  equal: z
    .array(z.enum(LABELS))
    .max(LABELS.length)
    .default([])
    .describe('Labels of which both must have a value in common.'),
})
export type InhibitRule = z.output<typeof InhibitRule>
