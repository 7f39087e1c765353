/** Hooks with memory: each message is scaled by a number that grows with every message this rank has sent. */
export default function countingHooks() {
  let sent = new Float32Array(1);
  return {
    wire: {
      encode(x) {
        sent[0]++;
        const factor = 1 + sent[0] / 1000;
        return new Uint8Array(x.map((value) => value * factor).buffer);
      },
      decode: (payload, _, out) => new Uint8Array(out.buffer, out.byteOffset, out.byteLength).set(payload),
      state: () => ({ sent }),
      load: (state) => {
        sent = state.sent.slice();
      },
    },
  };
}
