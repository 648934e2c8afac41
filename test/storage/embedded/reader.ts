/** The read-only user as a client of the embedded store's HTTP interface. */
import { READER_PASSWORD, type TestStore } from '../store.ts'

export const READER_HEADERS = { 'X-ClickHouse-User': 'eastwatch_reader', 'X-ClickHouse-Key': READER_PASSWORD }

export async function askAsReader(
  store: TestStore,
  sql: string | Uint8Array,
  path = '/',
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string }> {
  const answer = await fetch(store.embedded.url + path, {
    method: 'POST',
    body: sql,
    headers: { ...READER_HEADERS, ...headers },
  })
  return { status: answer.status, text: await answer.text() }
}
