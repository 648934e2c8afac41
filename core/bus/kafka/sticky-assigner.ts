/**
 * Shares out a topic's partitions evenly, and leaves each where it is as far as that goes: one that moves is restored by its next owner. kafkajs's
 * own deals them out by the members' names, which are new after each loss of the group: then nearly all of them move, at all members, just
 * where there is no processor to spare.
 */
import { AssignerProtocol, type GroupMember, type PartitionAssigner } from 'kafkajs'

const NAME = 'eastwatch-sticky'
const VERSION = 1
const MAX_CLAIM_BYTES = 1024 * 1024

/** What a member has, and since when (epoch milliseconds): who got it later has it now. */
export interface Claim {
  since: number
  partitions: readonly number[]
}

/** `claim`: what this member has now. */
export function stickyAssigner(topic: string, claim: () => Claim): PartitionAssigner {
  return ({ cluster }) => ({
    name: NAME,
    version: VERSION,
    protocol: ({ topics }) => ({
      name: NAME,
      metadata: AssignerProtocol.MemberMetadata.encode({
        version: VERSION,
        topics,
        userData: Buffer.from(JSON.stringify(claim())),
      }),
    }),
    async assign({ members }) {
      const partitions = cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)
      const claims = new Map(members.map((member) => [member.memberId, claimOf(member)]))
      return [...shareOut(partitions, claims)].map(([memberId, share]) => ({
        memberId,
        memberAssignment: AssignerProtocol.MemberAssignment.encode({
          version: VERSION,
          assignment: { [topic]: share },
          userData: Buffer.alloc(0),
        }),
      }))
    },
  })
}

/** By member; shares differ by one partition at most. */
export function shareOut(partitions: readonly number[], claims: ReadonlyMap<string, Claim>): Map<string, number[]> {
  const free = new Set(partitions)
  const members = [...claims.keys()].sort()
  const latest = [...claims].sort(([a, one], [b, other]) => other.since - one.since || (a < b ? -1 : 1))
  const kept = new Map(
    latest.map(([member, claim]) => [
      member,
      [...new Set(claim.partitions)].filter((partition) => free.delete(partition)),
    ]),
  )
  const least = Math.floor(partitions.length / members.length)
  // So many have one more: those first that have more already.
  const largest = [...members].sort((a, b) => kept.get(b)!.length - kept.get(a)!.length)
  const roomOf = new Map(largest.map((member, i) => [member, least + (i < partitions.length % members.length ? 1 : 0)]))
  for (const [member, share] of kept) for (const partition of share.splice(roomOf.get(member)!)) free.add(partition)
  const rest = [...free].sort((a, b) => a - b)
  return new Map(
    members.map((member) => {
      const share = kept.get(member)!
      return [member, [...share, ...rest.splice(0, roomOf.get(member)! - share.length)].sort((a, b) => a - b)]
    }),
  )
}

/** A member's words are read with care: one that cannot be read has nothing. */
function claimOf({ memberMetadata }: GroupMember): Claim {
  const nothing = { since: 0, partitions: [] }
  try {
    const { userData } = AssignerProtocol.MemberMetadata.decode(memberMetadata)!
    if (userData.length > MAX_CLAIM_BYTES) return nothing
    const { since, partitions } = JSON.parse(userData.toString()) as Claim
    if (!Number.isFinite(since) || !Array.isArray(partitions)) return nothing
    return { since, partitions }
  } catch {
    return nothing
  }
}
