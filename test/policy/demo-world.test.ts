import { expect, it } from 'vitest'
import { declaredObjects, EDGES, identityUri, PODS } from '../../demo/shop.ts'
import { createSnapshot } from '../../policy/snapshot.ts'
import { declaredOf, OPTIONS, query } from './world.ts'

const snapshot = createSnapshot(declaredOf(declaredObjects()), OPTIONS)
const decide = (source: string, destination: string, method: string, path: string) =>
  snapshot.decide(
    query({
      sourceIdentity: identityUri(source).slice('spiffe://'.length),
      destinationAddress: PODS.find(({ service }) => service === destination)!.address,
      destinationService: `${destination}.shop`,
      method,
      path,
    }),
  )

it('the policies of the demo allow each of its ordinary calls', () => {
  for (const { source, destination, routes } of EDGES) {
    for (const { method, path } of routes) {
      expect(decide(source, destination, method, path.replace('#', '17')).decision, `${source} ${destination}`).toBe(
        'allowed',
      )
    }
  }
})

it('the policies of the demo allow no call that is not ordinary', () => {
  expect(decide('email', 'ledger', 'GET', '/entries')).toEqual({
    decision: 'denied',
    reason: 'default: no ALLOW policy of shop/ledger matches',
  })
})
