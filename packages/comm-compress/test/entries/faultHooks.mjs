/** Hooks that break one message: `nan` puts a NaN in it, `kill` ends the thread that would send it. */
export default function faultHooks({ place }, { fault, stage, iteration, microBatch, direction }) {
  const isIt = (message) =>
    place.stage === stage &&
    message.iteration === iteration &&
    message.microBatch === microBatch &&
    message.direction === direction;
  return {
    wire: {
      encode(x, message) {
        const copy = x.slice();
        if (isIt(message)) {
          if (fault === 'kill') process.exit(3);
          copy[5] = Number.NaN;
        }
        return new Uint8Array(copy.buffer);
      },
      decode: (payload, _, out) => new Uint8Array(out.buffer, out.byteOffset, out.byteLength).set(payload),
    },
  };
}
