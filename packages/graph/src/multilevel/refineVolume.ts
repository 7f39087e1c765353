/** Refinement for the communication volume: Σ over vertices of the other parts that hold a neighbour. */
import { PartState } from './PartState.js';
import { REFINE_PASSES } from './refine.js';

/**
 * Moves vertices one at a time as long as the volume shrinks, or stays and the cut shrinks. Caps that hold stay.
 *
 * To be run on the finest level. Cost per pass: O(Σ over boundary vertices of degree · parts nearby).
 */
export function refineVolume(state: PartState): void {
  const { n } = state.graph;
  // The lists of a state without arc weights count neighbours, which is what volume is made of.
  const counted = state.graph.arcWeights ? unweighted(state) : state;
  for (let pass = 0; pass < REFINE_PASSES; pass++) {
    let moves = 0;
    for (let v = 0; v < n; v++) {
      const begin = counted.offsets[v]!;
      let best = -1;
      let bestVolume = 0;
      let bestCut = 0;
      for (let i = begin + counted.counts[v]! - 1; i >= begin; i--) {
        const part = counted.listParts[i]!;
        if (!counted.fits(v, part)) continue;
        const cut = counted.internal[v]! - counted.listWeights[i]!;
        const volume = volumeChange(counted, v, part, counted.listWeights[i]!);
        if (volume > bestVolume || (volume === bestVolume && cut >= bestCut)) continue;
        best = part;
        bestVolume = volume;
        bestCut = cut;
      }
      if (best === -1) continue;
      counted.move(v, best);
      moves++;
    }
    if (moves === 0) break;
  }
}

/** Change of the volume if v moved to `part`, to which it has `toPart` edges. */
function volumeChange(state: PartState, v: number, part: number, toPart: number): number {
  const { rowPtr, neighbours } = state.graph;
  const old = state.partOf[v]!;
  // v itself: leaves `part` off its list, and puts its old part on if it has neighbours there.
  let change = (state.internal[v]! > 0 ? 1 : 0) - (toPart > 0 ? 1 : 0);
  for (let e = rowPtr[v]!, end = rowPtr[v + 1]!; e < end; e++) {
    const u = neighbours[e]!;
    const home = state.partOf[u]!;
    if (home !== old && edgesTo(state, u, old) === 1) change--;
    if (home !== part && edgesTo(state, u, part) === 0) change++;
  }
  return change;
}

function edgesTo(state: PartState, v: number, part: number): number {
  const begin = state.offsets[v]!;
  for (let i = begin + state.counts[v]! - 1; i >= begin; i--) {
    if (state.listParts[i] === part) return state.listWeights[i]!;
  }
  return 0;
}

function unweighted({ graph, partOf, limits }: PartState): PartState {
  const { arcWeights: _, ...rest } = graph;
  return new PartState(rest, partOf, limits);
}
