#!/usr/bin/env python3
"""How well do k-means, told the true number of groups, and HDBSCAN group the same questions?

Reads what `eval_groups --write FOLDER` left there (NAME.jsonl with text and truth, NAME.f32 with the vectors) and prints
the same measures. Each method gets the vectors as they are and centred; HDBSCAN four sizes of the smallest
cluster, and its noise both as one cluster and as clusters of one: the line "best" is the best of all for each measure alone,
which no one method reaches.

    pip install numpy scikit-learn
    python scripts/groups_reference.py FOLDER [--all]
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.metrics import pairwise_distances

warnings.filterwarnings("ignore")


def measure(truth, found):
    """V-measure, homogeneity, completeness, purity, purity of the k largest, precision, recall and F1 over pairs."""
    n = len(truth)
    _, truth = np.unique(truth, return_inverse=True)
    _, found = np.unique(found, return_inverse=True)
    table = np.zeros((truth.max() + 1, found.max() + 1))
    np.add.at(table, (truth, found), 1)

    def entropy(counts):
        share = counts[counts > 0] / n
        return -(share * np.log(share)).sum()

    of_truth, of_found = entropy(table.sum(1)), entropy(table.sum(0))
    shared = of_truth + of_found - entropy(table.ravel())
    homogeneity = shared / of_truth if of_truth else 1.0
    completeness = shared / of_found if of_found else 1.0

    def pairs(counts):
        return (counts * (counts - 1) / 2).sum()

    both = pairs(table)
    precision, recall = both / max(pairs(table.sum(0)), 1e-9), both / max(pairs(table.sum(1)), 1e-9)
    order = np.lexsort((-table.max(0), -table.sum(0)))
    return {
        "groups": int((table.sum(0) > 1).sum()),
        "wait": int((table.sum(0) == 1).sum()),
        "V": 2 * homogeneity * completeness / max(homogeneity + completeness, 1e-9),
        "hom": homogeneity,
        "com": completeness,
        "purity": table.max(0).sum() / n,
        "@k": table.max(0)[order[: table.shape[0]]].sum() / n,
        "P": precision,
        "R": recall,
        "F1": 2 * precision * recall / max(precision + recall, 1e-9),
    }


def alone(found):
    """Noise as clusters of one."""
    found = np.array(found)
    noise = found < 0
    found[noise] = found.max() + 1 + np.arange(noise.sum())
    return found


def show(name, how, m):
    print(
        f"{name:32} {how:18} {m['groups']:4} groups {m['wait']:5} wait  V {m['V']:.3f}  hom {m['hom']:.3f}  com {m['com']:.3f}"
        f"  purity {m['purity']:.3f} @k {m['@k']:.3f}  pairs P {m['P']:.3f} R {m['R']:.3f} F1 {m['F1']:.3f}",
        flush=True,
    )


def main():
    folder, every = Path(sys.argv[1]), "--all" in sys.argv
    means = {}
    for path in sorted(folder.glob("*.jsonl")):
        truth = np.array([json.loads(line)["truth"] for line in path.read_text().splitlines()])
        vectors = np.fromfile(path.with_suffix(".f32"), "<f4").reshape(len(truth), -1)
        middle = vectors - vectors.mean(0)
        middle /= np.maximum(np.linalg.norm(middle, axis=1, keepdims=True), 1e-9)
        runs = {}
        for kind, points in (("", vectors), (" centred", middle)):
            k = len(set(truth))
            runs["k-means" + kind] = measure(truth, KMeans(k, n_init=5, random_state=0).fit_predict(points))
            distances = pairwise_distances(points).astype(np.float64)
            for size in (2, 3, 5, 10):
                found = HDBSCAN(min_cluster_size=size, metric="precomputed").fit_predict(distances)
                runs[f"HDBSCAN {size}{kind} one"] = measure(truth, found)
                runs[f"HDBSCAN {size}{kind}"] = measure(truth, alone(found))
        family = {name: [m for run, m in runs.items() if run.startswith(name)] for name in ("k-means", "HDBSCAN")}
        best = {"k-means": max(family["k-means"], key=lambda m: m["V"] + m["F1"])}
        best["HDBSCAN"] = max(family["HDBSCAN"], key=lambda m: m["V"] + m["F1"])
        if every:
            for how, m in runs.items():
                show(path.stem, how, m)
        for how, m in best.items():
            show(path.stem, how, m)
        best["best"] = {key: max(m[key] for m in runs.values()) for key in ("V", "purity", "@k", "F1")}
        print(f"{path.stem:32} best               V {best['best']['V']:.3f}  purity {best['best']['purity']:.3f}  @k {best['best']['@k']:.3f}  F1 {best['best']['F1']:.3f}")
        for how, m in best.items():
            means.setdefault(how, []).append((m["V"], m["purity"], m["F1"]))
    for how, rows in means.items():
        v, purity, f1 = np.mean(rows, axis=0)
        print(f"mean {how:8} V {v:.4f}  purity {purity:.4f}  F1 {f1:.4f}")


if __name__ == "__main__":
    main()
