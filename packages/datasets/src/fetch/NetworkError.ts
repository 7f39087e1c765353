/** The error of downloads. */
import { registerErrorClass, StrataError } from '@strata-ml/core';

/** A download failed: no network, no such address, or the connection broke. */
export class NetworkError extends StrataError {
  /** @param url - what was asked for */
  constructor(url: string, reason: string, options?: ErrorOptions) {
    super(
      'ERR_STRATA_NETWORK',
      `fetch: ${url} could not be downloaded (${reason}); check the network, or copy the data set's folder from a machine that has it`,
      { url, reason },
      options,
    );
  }
}

registerErrorClass(NetworkError);
