import fc from 'fast-check'
import { AssignerProtocol, type Cluster } from 'kafkajs'
import { describe, expect, it } from 'vitest'
import { type Claim, shareOut, stickyAssigner } from '../../../core/bus/kafka/sticky-assigner.ts'

const numbered = (count: number) => Array.from({ length: count }, (_, i) => i)
const claimsOf = (shares: ReadonlyMap<string, number[]>, since = 1) =>
  new Map([...shares].map(([member, partitions]) => [member, { since, partitions }]))
const movedFrom = (before: ReadonlyMap<string, number[]>, after: ReadonlyMap<string, number[]>) =>
  [...after].flatMap(([member, share]) => share.filter((partition) => !before.get(member)?.includes(partition)))

const anyClaims = fc.dictionary(
  fc.string({ minLength: 1, maxLength: 5 }),
  fc.record({ since: fc.nat(3), partitions: fc.array(fc.integer({ min: -2, max: 40 })) }),
  { minKeys: 1, maxKeys: 9, noNullPrototype: true },
)
const anyPartitions = fc.integer({ min: 0, max: 32 }).map(numbered)

describe('the shares of the members of a group', () => {
  it('are even and have each partition once, whatever members say they have', () => {
    fc.assert(
      fc.property(anyPartitions, anyClaims, (partitions, given) => {
        const claims = new Map<string, Claim>(Object.entries(given))
        const shares = shareOut(partitions, claims)
        expect([...shares.values()].flat().sort((a, b) => a - b)).toEqual(partitions)
        expect([...shares.keys()].sort()).toEqual([...claims.keys()].sort())
        const sizes = [...shares.values()].map(({ length }) => length)
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
      }),
    )
  })

  it('stay as they are, also under other names', () => {
    fc.assert(
      fc.property(anyPartitions, anyClaims, (partitions, given) => {
        const shares = shareOut(partitions, new Map(Object.entries(given)))
        expect(shareOut(partitions, claimsOf(shares))).toEqual(shares)
        const renamed = new Map([...shares].map(([member, share], i) => [`${9 - i}${member}`, share]))
        expect(movedFrom(renamed, shareOut(partitions, claimsOf(renamed)))).toEqual([])
      }),
    )
  })

  it('change by what a member that goes has had, and by no more than its share for one that comes', () => {
    fc.assert(
      fc.property(anyPartitions, fc.integer({ min: 2, max: 9 }), fc.nat(8), (partitions, count, index) => {
        const names = numbered(count).map((i) => `m${i}`)
        const nobody = new Map(names.map((name) => [name, { since: 0, partitions: [] }]))
        const shares = shareOut(partitions, nobody)
        const gone = names[index % count]!
        const left = new Map([...shares].filter(([name]) => name !== gone))
        const without = shareOut(partitions, claimsOf(left))
        expect(movedFrom(left, without).sort((a, b) => a - b)).toEqual(shares.get(gone))
        const joined = new Map([...claimsOf(shares), ['new', { since: 0, partitions: [] }]])
        const moved = movedFrom(shares, shareOut(partitions, joined))
        expect(moved.length).toBe(shareOut(partitions, joined).get('new')!.length)
      }),
    )
  })

  it('of two that claim a partition it is with the one that got it later', () => {
    const claims = new Map([
      ['back', { since: 1, partitions: [0, 1] }],
      ['here', { since: 2, partitions: [1, 2] }],
    ])
    expect(shareOut([0, 1, 2, 3], claims)).toEqual(
      new Map([
        ['back', [0, 3]],
        ['here', [1, 2]],
      ]),
    )
  })

  it('travel in what members tell the group; one whose words cannot be read has nothing', async () => {
    const cluster = { findTopicPartitionMetadata: () => numbered(4).map((partitionId) => ({ partitionId })) }
    const around = { cluster: cluster as unknown as Cluster, groupId: 'g', logger: undefined as never }
    const assignerOf = (partitions: number[]) => stickyAssigner('in', () => ({ since: 1, partitions }))(around)
    const wordsOf = (partitions: number[]) => assignerOf(partitions).protocol({ topics: ['in'] }).metadata
    const { MemberAssignment, MemberMetadata } = AssignerProtocol
    const garbled = ['{', 'null', '{"since":"x","partitions":[2]}', '{"since":1,"partitions":{}}'].map((text) =>
      MemberMetadata.encode({ version: 1, topics: ['in'], userData: Buffer.from(text) }),
    )
    for (const words of [...garbled, Buffer.alloc(1)]) {
      const members = [
        { memberId: 'a', memberMetadata: words },
        { memberId: 'b', memberMetadata: wordsOf([0, 3]) },
      ]
      const assigned = await assignerOf([]).assign({ members, topics: ['in'] })
      const shares = assigned.map(({ memberAssignment }) => MemberAssignment.decode(memberAssignment)!.assignment.in)
      expect(shares).toEqual([
        [1, 2],
        [0, 3],
      ])
    }
  })
})
