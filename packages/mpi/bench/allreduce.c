/*
 * The same all-reduce as allreduce.mjs, from C: the yardstick of the binding.
 * Build and run: mpicc -O2 -o allreduce allreduce.c && mpirun -n 4 ./allreduce [repeats] [nonblocking]
 * Prints one line per size on rank 0: bytes, median seconds over the repeats (slowest rank of each).
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b) {
  double d = *(const double *)a - *(const double *)b;
  return d < 0 ? -1 : d > 0;
}

int main(int argc, char **argv) {
  int rank, size, provided;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  int repeats = argc > 1 ? atoi(argv[1]) : 11;
  int nonblocking = argc > 2 && strcmp(argv[2], "nonblocking") == 0;
  for (long bytes = 4096; bytes <= 64L << 20; bytes *= 4) {
    int n = (int)(bytes / 4);
    float *x = malloc(bytes);
    for (int i = 0; i < n; i++) x[i] = (float)(rank + 1);
    /* Small sizes are batched, so that one sample is long against the clock. */
    int batch = bytes <= 65536 ? 100 : bytes <= 1 << 20 ? 10 : 1;
    double *samples = malloc(sizeof(double) * repeats);
    for (int r = -2; r < repeats; r++) {
      MPI_Barrier(MPI_COMM_WORLD);
      double t = MPI_Wtime();
      for (int k = 0; k < batch; k++) {
        if (nonblocking) {
          MPI_Request q;
          MPI_Iallreduce(MPI_IN_PLACE, x, n, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD, &q);
          MPI_Wait(&q, MPI_STATUS_IGNORE);
        } else {
          MPI_Allreduce(MPI_IN_PLACE, x, n, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
        }
      }
      double mine = (MPI_Wtime() - t) / batch, slowest;
      MPI_Allreduce(&mine, &slowest, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
      if (r >= 0) samples[r] = slowest;
    }
    qsort(samples, repeats, sizeof(double), ascending);
    if (rank == 0) printf("%ld %.9f\n", bytes, samples[repeats / 2]);
    free(samples);
    free(x);
  }
  MPI_Finalize();
  return 0;
}
