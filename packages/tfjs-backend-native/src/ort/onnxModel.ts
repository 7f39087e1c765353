/**
 * Writes ONNX models of a few nodes: the protobuf fields that ONNX Runtime needs, nothing more.
 *
 * Inputs and outputs carry an element type and no shape, so one model serves every rank and every size.
 * Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */

/** Element types of ONNX (TensorProto.DataType) that tfjs knows. */
export const ElementType = { float32: 1, int32: 6, int64: 7, bool: 9 } as const;
/** Name of an element type. */
export type ElementTypeName = keyof typeof ElementType;

/** Attribute values: a whole number, a list of them, a text, or `{ float }`. */
export type Attribute = number | readonly number[] | string | { readonly float: number };

/** One operator application. */
export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
  /** `com.microsoft` for ONNX Runtime's own operators. */
  readonly domain?: string;
}

/** A model of a few nodes. */
export interface OnnxGraph {
  readonly inputs: Readonly<Record<string, ElementTypeName>>;
  readonly outputs: Readonly<Record<string, ElementTypeName>>;
  readonly nodes: readonly OnnxNode[];
  /** Constants: float32 scalars, or int64 lists. */
  readonly constants?: Readonly<Record<string, { readonly float: number } | { readonly int64: readonly number[] }>>;
  /** Version of the standard operators. @defaultValue `17` */
  readonly opset?: number;
}

/** Serialises a graph to the bytes of a `.onnx` file. */
export function encodeModel({
  inputs,
  outputs,
  nodes,
  constants = {},
  opset = 17,
}: OnnxGraph): Uint8Array<ArrayBuffer> {
  const graph: number[] = [];
  for (const node of nodes) push(graph, message(1, encodeNode(node)));
  push(graph, text(2, 'strata'));
  for (const [name, value] of Object.entries(constants)) push(graph, message(5, encodeConstant(name, value)));
  for (const [name, type] of Object.entries(inputs)) push(graph, message(11, encodeValueInfo(name, type)));
  for (const [name, type] of Object.entries(outputs)) push(graph, message(12, encodeValueInfo(name, type)));
  return Uint8Array.from([
    ...integer(1, 8), // ir_version
    ...message(7, graph),
    ...message(8, [...text(1, ''), ...integer(2, opset)]),
    ...message(8, [...text(1, 'com.microsoft'), ...integer(2, 1)]),
    ...message(8, [...text(1, 'com.microsoft.nchwc'), ...integer(2, 1)]),
  ]);
}

function encodeNode({ op, inputs, outputs, attributes = {}, domain }: OnnxNode): number[] {
  const node: number[] = [];
  for (const name of inputs) push(node, text(1, name));
  for (const name of outputs) push(node, text(2, name));
  push(node, text(4, op));
  for (const [name, value] of Object.entries(attributes)) push(node, message(5, encodeAttribute(name, value)));
  if (domain !== undefined) push(node, text(7, domain));
  return node;
}

function encodeAttribute(name: string, value: Attribute): number[] {
  const head = text(1, name);
  if (typeof value === 'string') return [...head, ...text(4, value), ...integer(20, 3)];
  if (typeof value === 'number') return [...head, ...integer(3, value), ...integer(20, 2)];
  if ('float' in value) return [...head, ...float(2, value.float), ...integer(20, 1)];
  return [...head, ...value.flatMap((item) => integer(8, item)), ...integer(20, 7)];
}

function encodeConstant(
  name: string,
  value: { readonly float: number } | { readonly int64: readonly number[] },
): number[] {
  if ('float' in value) {
    return [...integer(2, ElementType.float32), ...message(4, [...bytesOfFloat(value.float)]), ...text(8, name)];
  }
  const dims = integer(1, value.int64.length);
  return [
    ...dims,
    ...integer(2, ElementType.int64),
    ...value.int64.flatMap((item) => integer(7, item)),
    ...text(8, name),
  ];
}

function encodeValueInfo(name: string, type: ElementTypeName): number[] {
  return [...text(1, name), ...message(2, message(1, integer(1, ElementType[type])))];
}

function push(target: number[], bytes: readonly number[]): void {
  for (const byte of bytes) target.push(byte);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  // Negative numbers are 64-bit two's complement, ten bytes long.
  let rest = value < 0 ? BigInt.asUintN(64, BigInt(value)) : BigInt(value);
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return bytes;
}

const integer = (field: number, value: number): number[] => [...varint(field << 3), ...varint(value)];
const message = (field: number, body: readonly number[]): number[] => [
  ...varint((field << 3) | 2),
  ...varint(body.length),
  ...body,
];
const text = (field: number, value: string): number[] => message(field, [...new TextEncoder().encode(value)]);
const float = (field: number, value: number): number[] => [...varint((field << 3) | 5), ...bytesOfFloat(value)];
const bytesOfFloat = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return bytes;
};
