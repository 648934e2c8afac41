/** Windows of 10 s in a day. */
const WINDOWS_PER_DAY = 8640

/**
 * The probability below which an observation is an alarm, per test: false incidents allowed over the number of tests a day
 * (keys x windows x time scales). Fixed, so that a key's result does not depend on which other keys exist.
 */
export function alarmProbability(
  budget: { falseIncidentsPerDay: number; expectedKeys: number },
  scales: number,
): number {
  return budget.falseIncidentsPerDay / (budget.expectedKeys * WINDOWS_PER_DAY * scales)
}
