"""One SIR epidemic: a line of JSON in, a line of JSON out."""

import json
import random
import sys

call = json.loads(sys.stdin.readline())
beta, gamma = call["parameters"]["beta"], call["parameters"]["gamma"]
draw = random.Random(call["seed"]).random

population, steps = 763, 24
infected = 1
susceptible = population - infected
curve = []
for day in range(14):
    curve.append(infected)
    for _ in range(steps):
        catch = 1 - (1 - beta / population / steps) ** infected
        infections = sum(draw() < catch for _ in range(susceptible))
        recoveries = sum(draw() < gamma / steps for _ in range(infected))
        susceptible -= infections
        infected += infections - recoveries

print(f"peak of {max(curve)}", file=sys.stderr)
json.dump(curve, sys.stdout)
