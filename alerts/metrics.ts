/** Alerts' own metrics. */
import { metrics } from '@opentelemetry/api'
import type { NotificationRecord } from '../storage/incident-records.ts'

const meter = metrics.getMeter('eastwatch.alerts')

const notifications = meter.createCounter('eastwatch_notifications', {
  description: 'Attempts to notify, by receiver and how they ended: sent, failed (tried again) or dead (given up).',
})

export function countNotification(receiver: string, status: NotificationRecord['status']): void {
  notifications.add(1, { receiver, status })
}
