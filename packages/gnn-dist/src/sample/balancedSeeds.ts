/** Training vertices dealt to devices: as many for each, at home where there is room. */

/**
 * The device of each training vertex: its owner, unless that has more than its share; what is over goes to devices that
 * have less. Other vertices keep their owner.
 *
 * @param train - ascending
 * @param partOf - owner of each vertex. int32 `[n]`
 * @returns int32 `[n]`
 */
export function balanceSeeds(train: Int32Array, partOf: Int32Array, devices: number): Int32Array {
  const deviceOf = partOf.slice();
  const room = Int32Array.from(
    { length: devices },
    (_, r) => Math.floor(((r + 1) * train.length) / devices) - Math.floor((r * train.length) / devices),
  );
  const over: number[] = [];
  for (const v of train) {
    if (room[partOf[v]!]! > 0) room[partOf[v]!]!--;
    else over.push(v);
  }
  let device = 0;
  for (const v of over) {
    while (room[device] === 0) device++;
    deviceOf[v] = device;
    room[device]!--;
  }
  return deviceOf;
}
