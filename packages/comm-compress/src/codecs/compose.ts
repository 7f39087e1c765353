/** Codecs made of codecs: one inside another, one after another, one for each tensor or link. */
import { OptionError } from '@strata-ml/core';
import type { Codec } from './Codec.js';
import type { ElementCodec } from './elementFormats.js';

/** A codec whose payload is numbers that an element format can carry. */
export interface ChainableCodec<C extends Codec> extends Codec {
  withFormat(format: ElementCodec): C;
}

/**
 * Sends the numbers of `outer`'s payload in the format of `inner`: `chain(powerSgd({ rank: 8 }), fp16())` halves its factors.
 *
 * @throws {@link OptionError} if the payload of `outer` is not a list of numbers.
 */
export function chain<C extends Codec>(outer: ChainableCodec<C>, inner: ElementCodec): C {
  if (typeof outer.withFormat !== 'function') {
    throw new OptionError('chain', 'outer', (outer as Codec).id, 'powerSGD or randomK, whose payload is numbers only');
  }
  return outer.withFormat(inner);
}

/** What a {@link CodecChoice} decides by. */
export interface CodecQuestion {
  /** Name of the stream: a parameter, or a link with a direction. */
  readonly key: string;
  readonly shape: readonly number[];
  /** Training step, from 1. */
  readonly step: number;
}

/** Names the codec of a tensor. All ranks must come to the same choice, and get the same codec object each time. */
export type CodecChoice = (question: CodecQuestion) => Codec;

/** Anything that names codecs: one for all, or a choice. */
export type CodecSource = Codec | CodecChoice;

/** The codec for one tensor. */
export function codecFor(source: CodecSource, question: CodecQuestion): Codec {
  return typeof source === 'function' ? source(question) : source;
}

/**
 * One codec after another: the entry with the largest `from` that is not after the step. For warm-up and changes of rank.
 *
 * @throws {@link OptionError} if no entry begins at step 1 or before, or two begin at the same step.
 */
export function schedule(entries: readonly { readonly from: number; readonly use: CodecSource }[]): CodecChoice {
  const sorted = [...entries].sort((a, b) => b.from - a.from);
  const first = sorted.at(-1);
  if (!first || first.from > 1) throw new OptionError('schedule', 'first step', first?.from, '1 or less');
  const twice = sorted.find((e, i) => e.from === sorted[i + 1]?.from);
  if (twice) throw new OptionError('schedule', 'from', twice.from, 'different in each entry');
  return (question) => codecFor(sorted.find((e) => e.from <= question.step)!.use, question);
}

/** A codec by the tensor's name, with one for all others. A pattern matches the whole name; `*` stands for anything. */
export function perTensor(patterns: Readonly<Record<string, CodecSource>>, otherwise: CodecSource): CodecChoice {
  const rules = Object.entries(patterns).map(([pattern, use]) => ({
    test: new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace(/\*/g, '.*')}$`),
    use,
  }));
  return (question) => codecFor(rules.find((r) => r.test.test(question.key))?.use ?? otherwise, question);
}

/**
 * A codec by link: as {@link perTensor}, for keys that name links as `direction:boundary`, such as `backward:0`. A name without a
 * colon stands for all boundaries of a direction.
 */
export function perLink(links: Readonly<Record<string, CodecSource>>, otherwise: CodecSource): CodecChoice {
  const named = Object.entries(links).map(([name, use]) => [name.includes(':') ? name : `${name}:*`, use] as const);
  return perTensor(Object.fromEntries(named), otherwise);
}
