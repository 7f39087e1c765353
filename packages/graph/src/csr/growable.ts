/** Typed arrays that grow by doubling. */

/** int32 values, appended one by one. */
export class GrowableInt32 {
  data: Int32Array<ArrayBuffer>;
  length = 0;

  constructor(capacity = 1 << 16) {
    this.data = new Int32Array(capacity);
  }

  push(value: number): void {
    if (this.length === this.data.length) {
      const larger = new Int32Array(2 * this.length);
      larger.set(this.data);
      this.data = larger;
    }
    this.data[this.length++] = value;
  }

  /** A view of what was pushed. */
  view(): Int32Array<ArrayBuffer> {
    return this.data.subarray(0, this.length);
  }
}

/** float32 values, appended one by one. */
export class GrowableFloat32 {
  data: Float32Array<ArrayBuffer>;
  length = 0;

  constructor(capacity = 1 << 16) {
    this.data = new Float32Array(capacity);
  }

  push(value: number): void {
    if (this.length === this.data.length) {
      const larger = new Float32Array(2 * this.length);
      larger.set(this.data);
      this.data = larger;
    }
    this.data[this.length++] = value;
  }

  /** A view of what was pushed. */
  view(): Float32Array<ArrayBuffer> {
    return this.data.subarray(0, this.length);
  }
}
