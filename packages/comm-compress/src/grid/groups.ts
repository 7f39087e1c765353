/** Process groups of a grid. */
import { OptionError, type ProcessGroup } from '@strata-ml/core';
import { type GroupKind, groupKinds, type ParallelGrid } from './ParallelGrid.js';

/** My group of each kind; undefined where I belong to none. */
export type GridGroups = Readonly<Record<GroupKind, ProcessGroup | undefined>> &
  Readonly<Record<'tensor' | 'data' | 'pipeline' | 'model', ProcessGroup>>;

/**
 * Creates all groups. Collective over `world`: every rank takes part in every split, also in those that leave it out.
 *
 * @throws {@link OptionError} if the world has another size than the grid.
 */
export function createGroups(world: ProcessGroup, grid: ParallelGrid): GridGroups {
  if (world.size !== grid.worldSize) {
    throw new OptionError(
      'grid',
      'tp · pp · dp',
      `${grid.tp} · ${grid.pp} · ${grid.dp} = ${grid.worldSize}`,
      `${world.size}, the number of ranks`,
    );
  }
  const made = groupKinds.map((kind) => {
    const lists = grid.groups(kind);
    const mine = lists.findIndex((ranks) => ranks.includes(world.rank));
    // Ranks without a group of this kind share one that nobody uses.
    const group = world.split(mine < 0 ? lists.length : mine, mine < 0 ? 0 : lists[mine]!.indexOf(world.rank));
    return [kind, mine < 0 ? undefined : group] as const;
  });
  return Object.fromEntries(made) as GridGroups;
}
