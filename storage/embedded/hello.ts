/**
 * The first query of a connection of clickhouse-go, Grafana's driver. It asks for Native blocks as of a revision of the TCP protocol,
 * which put a header before a block and a byte before each column; the embedded engine writes those of revision 0, without. The driver
 * reads this one answer at the revision it asked for and all others at the revision that the answer names: so it is made here and
 * names 0. https://clickhouse.com/docs/interfaces/specs/NativeFormat
 */
export const HELLO = 'SELECT displayName(), version(), revision(), timezone()'

/** From here on a byte before each column tells how it is serialised. */
const WITH_SERIALISATION = 54454
/** Field 1, not overflowed; field 2, bucket -1; end. */
const BLOCK_INFO = Buffer.from([1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0])
const REVISION = Buffer.alloc(4)

export interface Hello {
  name: string
  version: string
  timeZone: string
}

/** `revision`: the one that the client asked for, above 0. */
export function helloBlock(hello: Hello, revision: number): Buffer {
  const column = (name: string, type: string, value: Buffer) =>
    Buffer.concat([text(name), text(type), Buffer.alloc(revision >= WITH_SERIALISATION ? 1 : 0), value])
  return Buffer.concat([
    BLOCK_INFO,
    Buffer.from([4, 1]),
    column('displayName()', 'String', text(hello.name)),
    column('version()', 'String', text(hello.version)),
    column('revision()', 'UInt32', REVISION),
    column('timezone()', 'String', text(hello.timeZone)),
  ])
}

/** With its length before it, in one byte: names, versions and time zones are short. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value).subarray(0, 127)
  return Buffer.concat([Buffer.from([bytes.length]), bytes])
}
