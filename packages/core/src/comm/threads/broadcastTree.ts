/** The tree of a broadcast: between servers, data cross once. */

/** Who passes a broadcast on: the root to its own server and to one leader of each other; leaders to their server. */
export function broadcastTree(
  ranks: readonly number[],
  root: number,
  serverOf: readonly number[],
): { readonly fromRoot: number[]; readonly relays: { readonly leader: number; readonly to: number[] }[] } {
  const rootRank = ranks[root]!;
  const fromRoot: number[] = [];
  const relays = new Map<number, { leader: number; to: number[] }>();
  for (const rank of ranks) {
    if (rank === rootRank) continue;
    const server = serverOf[rank]!;
    const relay = relays.get(server);
    if (server === serverOf[rootRank]) fromRoot.push(rank);
    else if (relay) relay.to.push(rank);
    else {
      fromRoot.push(rank);
      relays.set(server, { leader: rank, to: [] });
    }
  }
  return { fromRoot, relays: [...relays.values()].filter((r) => r.to.length > 0) };
}
