/**
 * Who sends which rows to whom. Made once by a handshake: every rank tells each owner which of its vertices it reads;
 * the owner keeps the rows in that order. From then on no ids travel.
 */
import type { ProcessGroup } from '@strata-ml/core';
import { DataError } from '@strata-ml/core';
import type { OneHopBlock } from './rankGraph.js';

/** A rank's side of the halo exchange. */
export interface SendPlan {
  /** Owned rows that peer q reads, in the order of q's halo region (ascending global id); empty for myself. */
  readonly sendRows: readonly Int32Array[];
}

/** Runs the handshake; collective over `world`. Its bytes are counted under `phase`. */
export function exchangeSendPlan(
  world: ProcessGroup,
  block: Pick<OneHopBlock, 'numOwned' | 'haloOffsets' | 'globalIds'>,
  phase = 'setup',
): SendPlan {
  const { haloOffsets, globalIds, numOwned } = block;
  const size = world.size;
  const wanted = Int32Array.from({ length: size }, (_, q) => haloOffsets[q + 1]! - haloOffsets[q]!);
  const asked = new Int32Array(size);
  world.allToAll(wanted, asked, { phase });

  const requestedIds = new Int32Array(asked.reduce((a, b) => a + b, 0));
  world.allToAllV(globalIds.subarray(numOwned), [...wanted], requestedIds, [...asked], { phase });

  let maxId = -1;
  for (let row = 0; row < numOwned; row++) maxId = Math.max(maxId, globalIds[row]!);
  const rowOf = new Int32Array(maxId + 1).fill(-1);
  for (let row = 0; row < numOwned; row++) rowOf[globalIds[row]!] = row;
  const sendRows: Int32Array[] = [];
  let at = 0;
  for (let q = 0; q < size; q++) {
    const rows = new Int32Array(asked[q]!);
    for (let i = 0; i < rows.length; i++) {
      const id = requestedIds[at++]!;
      const row = rowOf[id] ?? -1;
      if (row < 0) {
        throw new DataError(
          `halo handshake: rank ${q} asked rank ${world.rank} for vertex ${id}, which it does not own`,
        );
      }
      rows[i] = row;
    }
    sendRows.push(rows);
  }
  return { sendRows };
}
