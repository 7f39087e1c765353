"""Writes powerSgdHook.json: two steps of PyTorch's PowerSGD hook on two ranks (gloo). Run: python powerSgdHook.py"""
import json
import os
import pathlib

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.distributed.algorithms.ddp_comm_hooks import powerSGD_hook as power

ROWS, COLUMNS, RANK, STEPS = 24, 20, 3, 5


def gradient(rank, step):
    generator = torch.Generator().manual_seed(100 * rank + step)
    low = torch.randn(ROWS, 4, generator=generator) @ torch.randn(4, COLUMNS, generator=generator)
    return low + 0.3 * torch.randn(ROWS, COLUMNS, generator=generator)


def worker(rank, world, queue):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29517")
    dist.init_process_group("gloo", rank=rank, world_size=world)
    layer = torch.nn.Linear(COLUMNS, ROWS, bias=False)
    model = torch.nn.parallel.DistributedDataParallel(layer)
    state = power.PowerSGDState(
        process_group=None, matrix_approximation_rank=RANK, start_powerSGD_iter=2, min_compression_rate=0.5
    )
    model.register_comm_hook(state, power.powerSGD_hook)
    rows = []
    for step in range(STEPS):
        q = {k: v.clone() for k, v in state.q_memory_dict.items()}
        error = {k: v.clone() for k, v in state.error_dict.items()}
        model.zero_grad()
        # The gradient of Σ W·G is G, whatever the input.
        g = gradient(rank, step)
        (model(torch.eye(COLUMNS)).T * g).sum().backward()
        rows.append(
            dict(
                gradient=g.flatten().tolist(),
                factor=[v.flatten().tolist() for v in q.values()],
                error=[v.flatten().tolist() for v in error.values()],
                mean=layer.weight.grad.flatten().tolist(),
            )
        )
    queue.put((rank, rows))
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    context = mp.get_context("spawn")
    queue = context.Queue()
    processes = [context.Process(target=worker, args=(r, 2, queue)) for r in range(2)]
    for p in processes:
        p.start()
    rows = dict(queue.get() for _ in processes)
    for p in processes:
        p.join()
    # Only steps that begin with a factor and an error of the step before.
    steps = [[rows[r][s] for r in range(2)] for s in range(STEPS) if rows[0][s]["factor"] and rows[0][s]["error"]][-2:]
    out = dict(torch=torch.__version__, command="python powerSgdHook.py", rows=ROWS, columns=COLUMNS, rank=RANK, steps=steps)
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(json.loads(json.dumps(out), parse_float=lambda t: float(f"{float(t):.9g}"))) + "\n")
