"""dense_step.py: the training step of src/contenders/denseStep.ts in PyTorch."""

import torch
from inputs import THREADS, fill, report, time_call

torch.set_num_threads(THREADS)
WIDTHS, BATCH = [784, 512, 512, 10], 256


def tensor(shape, seed, scale=1.0):
    return torch.from_numpy(fill(torch.Size(shape).numel(), seed, scale)).reshape(shape)


# nn.Linear computes x·Wᵀ: the weights are our [in, out] ones, transposed.
layers = []
for i, (fan_in, fan_out) in enumerate(zip(WIDTHS, WIDTHS[1:])):
    linear = torch.nn.Linear(fan_in, fan_out)
    with torch.no_grad():
        linear.weight.copy_(tensor((fan_in, fan_out), i + 1, 2 / fan_in**0.5).T)
        linear.bias.zero_()
    layers += [linear, torch.nn.ReLU()]
model = torch.nn.Sequential(*layers[:-1])
x, labels = tensor((BATCH, WIDTHS[0]), 9), torch.arange(BATCH) % 10
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)


def step():
    optimizer.zero_grad()
    loss = torch.nn.functional.cross_entropy(model(x), labels)
    loss.backward()
    optimizer.step()
    return loss.item()


compared = [step() for _ in range(5)][-1]
report(time_call(step), **{"loss at step 5": compared})
