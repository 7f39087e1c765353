/** Predicts the seconds of a step from measured parts, for any choice of what is compressed. Simulated, not measured. */
import { buildSchedule } from '../schedule/buildSchedule.js';
import { type P2pMode, type ScheduleKind, type TransferOp, transfersOf } from '../schedule/ops.js';
import { simulateSchedule } from '../schedule/simulateSchedule.js';
import type { BackwardMode } from './OptimusConfig.js';

/** A link: its seconds are `latencyS` + bytes / `bandwidth`. */
export interface LinkProfile {
  /** Bytes per second; Infinity for memory that is shared. */
  readonly bandwidth: number;
  readonly latencyS: number;
}

/** What compressing one tensor costs and gives. */
export interface CodecProfile {
  readonly payloadBytes: number;
  readonly encodeS: number;
  readonly decodeS: number;
}

/** A training step without compression, measured; and what codecs would do to its messages. */
export interface TrainingProfile {
  readonly pp: number;
  readonly dp: number;
  readonly microBatches: number;
  readonly schedule: ScheduleKind;
  readonly p2p: P2pMode;
  /** Seconds of one micro-batch on each stage. */
  readonly forwardS: readonly number[];
  readonly backwardS: readonly number[];
  /** Optimizer and norm. */
  readonly updateS: number;
  /** Bytes of a message between stages, each way, uncompressed. */
  readonly messageBytes: number;
  /** Bytes of the gradients that replicas average, by stage, without the tied embedding. */
  readonly gradientBytes: readonly number[];
  /** Bytes of the tied embedding's gradient; 0 if there is none on two stages. */
  readonly embeddingBytes: number;
  /** Between stages. */
  readonly stageLink: LinkProfile;
  /** Between replicas. */
  readonly replicaLink: LinkProfile;
  /** Of one message backward. */
  readonly backwardCodec: CodecProfile;
  /** Of all gradients of each stage. */
  readonly gradientCodec: readonly CodecProfile[];
}

/** A choice to predict. */
export interface CompressionChoice {
  readonly backward: BackwardMode;
  readonly fusedEmbedding: boolean;
  /** Stages from the first one whose gradients are compressed. */
  readonly stages: number;
  /** Bytes per number of what no codec takes. @defaultValue `4` */
  readonly bytesPerNumber?: 2 | 4;
}

/** Seconds of a predicted step. */
export interface StepPrediction {
  readonly kind: 'simulated';
  readonly stepS: number;
  /** When each stage has done its last backward. */
  readonly finishS: readonly number[];
  /** The average over replicas, by stage. */
  readonly gradientS: readonly number[];
  readonly embeddingS: number;
  /** Encoding and decoding, summed over ranks of one replica. */
  readonly codecS: number;
}

/** What a ring all-reduce over `ranks` sends from each: 2 (ranks − 1) / ranks of the bytes. */
function allReduceS(bytes: number, ranks: number, link: LinkProfile): number {
  if (ranks < 2 || bytes === 0) return 0;
  return 2 * link.latencyS + ((2 * (ranks - 1)) / ranks) * (bytes / link.bandwidth);
}

/** Predicts one step. */
export function predictStep(profile: TrainingProfile, choice: CompressionChoice): StepPrediction {
  const { pp, dp, microBatches, forwardS, backwardS, stageLink, replicaLink, backwardCodec, embeddingBytes } = profile;
  const { backward, fusedEmbedding, stages, bytesPerNumber = 4 } = choice;
  const share = bytesPerNumber / 4;
  const isCompressed = (t: TransferOp) =>
    t.direction === 'backward' && (backward === 'all' || (backward === 'epilogue' && t.isDrain));
  const plainS = stageLink.latencyS + (share * profile.messageBytes) / stageLink.bandwidth;
  const compressedS = stageLink.latencyS + backwardCodec.payloadBytes / stageLink.bandwidth;
  // Where every gradient is compressed coding takes turns with computing; in the drain stages wait anyhow.
  const isAll = backward === 'all' ? 1 : 0;
  const codingS = backwardCodec.encodeS + backwardCodec.decodeS;
  const schedule = buildSchedule(profile.schedule, pp, microBatches, { chunks: 1, p2p: profile.p2p });
  const { endS } = simulateSchedule(schedule, {
    forwardS,
    backwardS: backwardS.map(
      (s, k) => s + isAll * ((k > 0 ? backwardCodec.encodeS : 0) + (k < pp - 1 ? backwardCodec.decodeS : 0)),
    ),
    messageS: (t) => (isCompressed(t) ? compressedS + (isAll ? 0 : codingS) : plainS),
    rendezvous: profile.p2p === 'batchedSync',
  });
  const isTied = (k: number) => pp > 1 && embeddingBytes > 0 && (k === 0 || k === pp - 1);
  const gradientS = profile.gradientBytes.map((bytes, k) => {
    const codec = profile.gradientCodec[k];
    const embedding = isTied(k) && !fusedEmbedding ? allReduceS(share * embeddingBytes, dp, replicaLink) : 0;
    if (k < stages && codec && dp > 1) {
      return embedding + allReduceS(codec.payloadBytes, dp, replicaLink) + codec.encodeS + codec.decodeS;
    }
    return embedding + allReduceS(share * bytes, dp, replicaLink);
  });
  let embeddingS = 0;
  if (pp > 1 && embeddingBytes > 0) {
    embeddingS = fusedEmbedding
      ? allReduceS(embeddingBytes, 2 * dp, slower(stageLink, replicaLink))
      : allReduceS(embeddingBytes, 2, stageLink);
  }
  const coded = schedule
    .flat()
    .flatMap(transfersOf)
    .filter((t) => t.kind === 'send' && isCompressed(t)).length;
  const selected = dp > 1 ? profile.gradientCodec.slice(0, stages) : [];
  return {
    kind: 'simulated',
    stepS: Math.max(...endS.map((end, k) => end + gradientS[k]!)) + embeddingS + profile.updateS,
    finishS: endS,
    gradientS,
    embeddingS,
    codecS: coded * codingS + selected.reduce((sum, c) => sum + c.encodeS + c.decodeS, 0),
  };
}

function slower(a: LinkProfile, b: LinkProfile): LinkProfile {
  return a.bandwidth <= b.bandwidth ? a : b;
}
