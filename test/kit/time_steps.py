"""python3 time_steps.py networks.json result.json: times training steps of networks that are described as data.

A step is the forward and backward pass of the mean cross-entropy and SGD with momentum, as the bench's own, in channels
last; in float32 with TF32 off and on, eager and compiled.
"""

import json
import sys
import time

import torch
from torch import nn

WARM_UPS = 5
STEPS = 20


class Network(nn.Module):
    """A list of layers, each of which reads named values and writes one."""

    def __init__(self, layers, weights):
        super().__init__()
        self.layers = layers
        self.parts = nn.ModuleDict()
        for layer in layers:
            part = make(layer, weights)
            if part is not None:
                self.parts[layer["y"]] = part

    def forward(self, images):
        values = {"images": images}
        for layer in self.layers:
            x = values[layer["x"]]
            op = layer["op"]
            if op == "add":
                y = x + values[layer["other"]]
            elif op == "relu":
                y = torch.relu(x)
            elif op == "global_avg_pool":
                y = x.mean((2, 3))
            elif op == "flatten":
                y = x.flatten(1)
            else:
                y = self.parts[layer["y"]](x)
            values[layer["y"]] = y
        return values[self.layers[-1]["y"]]


def make(layer, weights):
    op = layer["op"]
    if op == "conv2d":
        out_channels, in_channels, kernel, _ = weights[layer["weight"]]
        bias = layer.get("bias") is not None
        return nn.Conv2d(in_channels, out_channels, kernel, layer["stride"], layer["padding"], bias=bias)
    if op == "batch_norm":
        return nn.BatchNorm2d(weights[layer["weight"]][0], eps=layer["eps"])
    if op == "max_pool2d":
        return nn.MaxPool2d(layer["size"], layer["stride"], layer["padding"])
    if op == "dense":
        out_features, in_features = weights[layer["weight"]]
        return nn.Linear(in_features, out_features, bias=layer.get("bias") is not None)
    return None


def quantile(values, q):
    ordered = sorted(values)
    at = q * (len(ordered) - 1)
    below = ordered[int(at)]
    above = ordered[min(int(at) + 1, len(ordered) - 1)]
    return below + (above - below) * (at - int(at))


def time_steps(network, device, compiled):
    torch.manual_seed(1)
    height, width, channels = network["inputShape"]
    model = Network(network["layers"], network["weights"]).to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9)
    images = torch.rand(network["batch"], channels, height, width, device=device) * 2 - 1
    images = images.to(memory_format=torch.channels_last)
    labels = torch.randint(network["classes"], (network["batch"],), device=device)

    def loss_of(images, labels):
        return nn.functional.cross_entropy(model(images), labels)

    run = torch.compile(loss_of) if compiled else loss_of
    times = []
    for step in range(WARM_UPS + STEPS):
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        loss = run(images, labels)
        loss.backward()
        optimizer.step()
        loss.item()
        if device == "cuda":
            torch.cuda.synchronize()
        if step >= WARM_UPS:
            times.append(1000 * (time.perf_counter() - start))
    return {"medianMs": quantile(times, 0.5), "quartilesMs": [quantile(times, 0.25), quantile(times, 0.75)]}


def main(source, target):
    cuda = torch.cuda.is_available()
    device = "cuda" if cuda else "cpu"
    torch.backends.cudnn.benchmark = True
    modes = [(tf32, compiled) for tf32 in ((False, True) if cuda else (False,)) for compiled in (False, True)]
    name = torch.cuda.get_device_name() if cuda else "the CPU"
    steps = []
    with open(source) as file:
        networks = json.load(file)
    for network in networks:
        for tf32, compiled in modes:
            torch.backends.cuda.matmul.allow_tf32 = tf32
            torch.backends.cudnn.allow_tf32 = tf32
            mode = f"{'tf32' if tf32 else 'f32'}, {'compiled' if compiled else 'eager'}"
            print(f"PyTorch: {network['name']}, {mode}", file=sys.stderr)
            try:
                result = time_steps(network, device, compiled)
            except Exception as error:  # A missing compiler must not cost the other modes.
                result = {"error": str(error).strip().splitlines()[0][:200]}
            if cuda:
                torch.cuda.empty_cache()
            if compiled:
                torch._dynamo.reset()
            steps.append({"name": network["name"], "mode": mode, **result})
            # After each, so that one that hangs or crashes costs no other.
            with open(target, "w") as file:
                json.dump({"device": f"PyTorch {torch.__version__} on {name}", "steps": steps}, file)


main(sys.argv[1], sys.argv[2])
