/** The address after # names the view: `#/incidents/<id>`, `#/pair?destinationService=...`. */
export interface Place {
  /** `map`, `incidents`, `incident`, `pair`, `coverage`, `silences`. */
  name: string
  id: string
  query: URLSearchParams
}

export function placeOf(hash: string): Place {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split(/\?(.*)/s)
  const [name = '', id = ''] = path.split('/')
  const place = { id: decoded(id), query: new URLSearchParams(query) }
  if (name === 'incidents' && id !== '') return { name: 'incident', ...place }
  return { name: name === '' ? 'map' : name, ...place }
}

export function hashOf(name: string, query: Readonly<Record<string, string>> = {}): `#${string}` {
  const given = Object.entries(query).filter(([, value]) => value !== '')
  return given.length === 0 ? `#/${name}` : `#/${name}?${new URLSearchParams(given)}`
}

/** A hash is typed by anybody. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
