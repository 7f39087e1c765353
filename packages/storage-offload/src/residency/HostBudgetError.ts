/** The host budget cannot hold what one step needs at once. */
import { formatBytes, registerErrorClass, StrataError } from '@strata-ml/core';

/** A budget below the minimum; `details.minimumBytes` says what would do. */
export class HostBudgetError extends StrataError {
  declare readonly details: Readonly<{ budgetBytes: number; minimumBytes: number }>;

  constructor(budgetBytes: number, minimumBytes: number) {
    super(
      'ERR_STRATA_HOST_BUDGET',
      `storage-offload: host memory must be at least ${formatBytes(minimumBytes)} (${minimumBytes} bytes) for this graph, ` +
        `model and number of parts, got ${formatBytes(budgetBytes)}; raise it, or prepare the graph with more parts`,
      { budgetBytes, minimumBytes },
    );
  }
}

registerErrorClass(HostBudgetError);
