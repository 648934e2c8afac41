/** Rows that stage 1 has judged. It commits once a minute, so its offset does not tell how far it is; its counter does. */
export async function judgedRows(healthPort: number): Promise<number> {
  const metrics = await (await fetch(`http://127.0.0.1:${healthPort}/metrics`)).text()
  return Number(
    /^eastwatch_detector_events_total\{[^}]*stage="stage1"[^}]*kind="rows"[^}]*\} (\d+)/m.exec(metrics)?.[1] ?? 0,
  )
}
