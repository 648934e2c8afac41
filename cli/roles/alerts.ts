/** Alerts: incidents, notifications and the heartbeat. It sees whether the log's time comes to the end of the pipeline. */
import { runAlerts } from '../../alerts/app.ts'
import { Progress } from '../../alerts/heartbeat.ts'
import type { Clock } from '../../core/clock.ts'
import { TimeWatch } from '../time-watch.ts'
import { VERSION } from '../version.ts'
import { type RoleContext, type RunningRole, runningRole } from './role.ts'

/** `watchClock`: by which standing still is measured, whoever drives the log's time. */
export function startAlertsRole(
  { config, dataFolder, bus, clock, health, logger }: RoleContext,
  watchClock: Clock,
): RunningRole {
  const progress = new Progress(clock)
  const time = new TimeWatch(watchClock)
  health.register('time', () =>
    progress.hasShare
      ? time.check(progress.watermark)
      : { ready: true, detail: 'stands by: others have all partitions' },
  )
  const around = { consoleUrl: config.console.url, dataFolder, version: VERSION }
  return runningRole((signal) =>
    runAlerts({ config: config.alerts, bus, clock, logger, progress, health, ...around }, signal),
  )
}
