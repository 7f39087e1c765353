/** What one training step reports. */

/** Where a rank's seconds of a step went. `forward` and `backward` include `tensor`. */
export interface StepSeconds {
  readonly total: number;
  readonly forward: number;
  readonly backward: number;
  /** All-reduces of tensor parallelism. */
  readonly tensor: number;
  /** Blocked on neighbouring stages, encoding and decoding included. */
  readonly pipeline: number;
  /** Average over replicas. */
  readonly gradient: number;
  /** Sum of tied embeddings. */
  readonly embedding: number;
  /** Norm, clipping, optimizer. */
  readonly update: number;
}

/** One step, as one rank saw it; `loss` and `gradientNorm` are the same on all. */
export interface StepReport {
  /** From 1. */
  readonly iteration: number;
  /** Mean over replicas and micro-batches, before the update. */
  readonly loss: number;
  /** Before clipping. */
  readonly gradientNorm: number;
  readonly learningRate: number;
  readonly lossScale: number;
  /** Gradients overflowed; nothing was updated. */
  readonly isSkipped: boolean;
  readonly seconds: StepSeconds;
}
