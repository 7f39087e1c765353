/*
 * The all-reduce of contenders/allReduceEntry.ts from C: the yardstick of our MPI binding.
 * mpicc -O2 -o allreduce allreduce.c && mpirun -n 4 ./allreduce BYTES REPEATS
 * Rank 0 prints one line of JSON: the median seconds of a call, of the slowest rank.
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

static int ascending(const void *a, const void *b) {
  double d = *(const double *)a - *(const double *)b;
  return d < 0 ? -1 : d > 0;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  long bytes = atol(argv[1]);
  int repeats = atoi(argv[2]), rank, size;
  int n = (int)(bytes / 4);
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  float *x = malloc(bytes);
  double *seconds = malloc(sizeof(double) * repeats);
  int warm_up = bytes <= 65536 ? 3000 : bytes <= 1048576 ? 100 : 3;
  for (int r = -warm_up; r < repeats; r++) {
    for (int i = 0; i < n; i++) x[i] = 1;
    MPI_Barrier(MPI_COMM_WORLD);
    double start = MPI_Wtime();
    MPI_Allreduce(MPI_IN_PLACE, x, n, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
    if (r >= 0) seconds[r] = MPI_Wtime() - start;
  }
  if (x[n - 1] != size) MPI_Abort(MPI_COMM_WORLD, 3);
  qsort(seconds, repeats, sizeof(double), ascending);
  double mine = seconds[repeats / 2], slowest;
  MPI_Allreduce(&mine, &slowest, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
  if (rank == 0) printf("{\"value\": %.9f}\n", slowest);
  MPI_Finalize();
  return 0;
}
