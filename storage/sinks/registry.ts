import type { SinkSpec } from '../sink.ts'
import { callsSink } from './calls.ts'
import { findingsSink } from './findings.ts'
import { incidentsSink } from './incidents.ts'
import { pathsSink } from './paths.ts'
import { rejectedSink } from './rejected.ts'
import { windowsSink } from './windows.ts'

/** All sinks there are. */
export const SINKS: readonly SinkSpec[] = [callsSink, windowsSink, pathsSink, findingsSink, incidentsSink, rejectedSink]
