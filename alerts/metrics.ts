/** Alerts' own metrics. */
import { SECOND } from '../core/clock.ts'
import { counter, gauge } from '../core/telemetry/instruments.ts'
import type { NotificationRecord } from '../storage/incident-records.ts'

const METER = 'eastwatch.alerts'

const notifications = counter(METER, 'eastwatch_notifications', {
  description: 'Attempts to notify, by receiver and how they ended: sent, failed (tried again) or dead (given up).',
})

export function countNotification(receiver: string, status: NotificationRecord['status']): void {
  notifications(1, { receiver, status })
}

const heartbeats = counter(METER, 'eastwatch_heartbeats', {
  description:
    'Heartbeats, by how they ended: sent, failed, or withheld because a part is not ready or the log has not moved for a minute.',
})

export function countHeartbeat(status: 'sent' | 'failed' | 'withheld'): void {
  heartbeats(1, { status })
}

const reachedSeconds = gauge(METER, 'eastwatch_reached_seconds', {
  unit: 's',
  description:
    "Log time that has passed the whole pipeline, as Unix time. It should stay within a minute of the clock's.",
})

/** `time`: what the end of the pipeline has reached, epoch microseconds. */
export function noteReached(time: number): void {
  reachedSeconds(time / SECOND)
}
