#!/usr/bin/env python3
"""Where the weights in index/data/rank.json come from, and how they do on sets that they were not fitted on.

    zhiyin eval --passages F/NAME.passages.jsonl --queries F/NAME.queries.jsonl --remove-half --dump D/NAME.jsonl   (each set)
    zhiyin eval cmrc xquad_zh … --remove-half --dump D/NAME.jsonl                                 (one a set, to report on)
    scripts/ranking/fit.py D --fit csl,line_zh_en,same_en,manual_en,… --curve csl,line_zh_en,line_en_zh,same_en,same_zh

Fusion: every candidate setting is judged by its largest regret, the reciprocal rank that it loses against the better of
words alone and vectors alone, over the sets named by --fit; the table shows it on all sets beside the shipped one.
Confidence: slope and offset of each kind of evidence are fitted on the named sets and shown on all of them (area under
the curve, calibration error in 15 bins, answerable or not), each set named by --fit once more with itself left out.
"""

import argparse
import itertools
import json
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

MOST = 1000
TOP = 30
RANK = json.loads((Path(__file__).parents[2] / "index/data/rank.json").read_text())


def load(path):
    """Queries with their candidates' features as arrays, best first by the weights that dumped them."""
    queries = []
    for line in itertools.islice(open(path, encoding="utf-8"), MOST):
        row = json.loads(line)
        found = row["candidates"]

        def column(name, missing, found=found):
            return np.array([missing if c[name] is None else c[name] for c in found], dtype=np.float32)

        cosine = np.maximum(column("cosine", 0.0), 0.0)
        sentence = column("sentence", -1.0)
        queries.append({
            "ids": [c["id"] for c in found],
            "relevant": column("relevant", 0.0) > 0,
            "share": column("share", 0.0),
            "cosine": cosine,
            "sentence": np.where(sentence < 0, cosine, np.maximum(sentence, 0.0)),
            "answerable": row["answerable"],
            "confidence": found[0]["confidence"] if found else 0.0,
            "kind": kind(found[0]) if found else "passage",
        })
    return queries


def kind(first):
    """The kind of evidence, as the engine tells it."""
    if first["question"]:
        return "question"
    return "translated" if (first["translated"] or 0.0) > 0.5 else "passage"


def reciprocal_rank(queries, score):
    """Mean reciprocal rank at 10 over what is answerable, a document counting once."""
    ranks = []
    for query in queries:
        if not query["answerable"]:
            continue
        seen, rank = set(), 0.0
        for place in np.argsort(-score(query), kind="stable"):
            seen.add(query["ids"][place])
            if len(seen) > 10:
                break
            if query["relevant"][place]:
                rank = 1.0 / len(seen)
                break
        ranks.append(rank)
    return float(np.mean(ranks)) if ranks else float("nan")


def fused(setting):
    """The engine's fusion with these weights (index/src/fuse.rs)."""

    def score(query):
        spread = float(np.sort(query["share"])[::-1][:TOP].std()) if len(query["ids"]) else 0.0
        words = max(setting["words"] / (min(spread, setting["most"]) + setting["floor"]) - setting["less"], 0.0)
        return words * query["share"] + setting["cosine"] * query["cosine"] + setting["sentence"] * query["sentence"]

    return score


def fusion(sets, fit):
    """Settings by their largest regret."""
    alone = {n: (reciprocal_rank(q, lambda q: q["share"]), reciprocal_rank(q, lambda q: q["cosine"])) for n, q in sets.items()}
    tried = []
    for words, less, cosine in itertools.product((0.1, 0.15, 0.186, 0.25, 0.35), (0.0, 0.43), (0.2, 0.43, 0.7)):
        setting = {"words": words, "floor": 0.02, "most": 0.15, "less": less, "cosine": cosine, "sentence": 1.0 - cosine}
        regret = max(max(alone[n]) - reciprocal_rank(sets[n], fused(setting)) for n in fit)
        tried.append((regret, setting))
    best = min(tried, key=lambda t: t[0])[1]
    print("least largest regret on the sets to fit:", json.dumps(best))
    print(f"\n{'set':22} {'words':>7} {'vectors':>7} {'shipped':>7} {'fitted':>7}")
    for name, queries in sets.items():
        shipped, fitted = (reciprocal_rank(queries, fused(s)) for s in (RANK["fusion"], best))
        mark = "*" if name in fit else " "
        print(f"{name:21}{mark} {alone[name][0]:7.3f} {alone[name][1]:7.3f} {shipped:7.3f} {fitted:7.3f}")


def logit(queries):
    """What the shipped confidence says before the curve."""
    p = np.clip(np.array([q["confidence"] for q in queries]), 1e-6, 1 - 1e-6)
    return np.log(p / (1 - p))


def calibration_error(p, answerable):
    """Expected calibration error in 15 bins of equal width."""
    bins = np.minimum((p * 15).astype(int), 14)
    return sum(abs(p[bins == b].sum() - answerable[bins == b].sum()) for b in range(15)) / len(p)


def curve(sets, names, of_kind):
    """Slope and offset over the logit for one kind of evidence, both outcomes and all sets weighing the same."""
    xs, ys, ws = [], [], []
    for name in names:
        own = np.array([q["kind"] == of_kind for q in sets[name]])
        answerable = np.array([q["answerable"] for q in sets[name]])[own]
        if own.sum() < 50 or answerable.all() or not answerable.any():
            continue
        share = answerable.mean()
        xs.append(logit(sets[name])[own])
        ys.append(answerable)
        ws.append(np.where(answerable, 0.5 / share, 0.5 / (1 - share)) / own.sum())
    if not xs:
        return 1.0, 0.0
    model = LogisticRegression(C=1e3).fit(np.concatenate(xs)[:, None], np.concatenate(ys), sample_weight=np.concatenate(ws) * 1e3)
    return float(model.coef_[0][0]), float(model.intercept_[0])


def confidence(sets, fit):
    """How far each kind's curve is from the fitted one, and what that does to every set."""
    kinds = ("passage", "translated", "question")
    all_curves = {k: curve(sets, fit, k) for k in kinds}
    print("\nslope and offset to apply to the shipped logit:", {k: (round(a, 2), round(b, 2)) for k, (a, b) in all_curves.items()})
    print(f"\n{'set':22} {'AUROC':>7} {'ECE':>7} {'ECE fitted':>10} {'left out':>9}")
    for name, queries in sets.items():
        answerable = np.array([q["answerable"] for q in queries])
        if answerable.all() or not answerable.any():
            continue
        x = logit(queries)

        def error(curves, x=x, queries=queries, answerable=answerable):
            slopes = np.array([curves[q["kind"]] for q in queries])
            return calibration_error(1 / (1 + np.exp(-(slopes[:, 0] * x + slopes[:, 1]))), answerable)

        plain = {k: (1.0, 0.0) for k in kinds}
        others = {k: curve(sets, [n for n in fit if n != name], k) for k in kinds} if name in fit else all_curves
        print(f"{name:22} {roc_auc_score(answerable, x):7.3f} {error(plain):7.3f} {error(all_curves):10.3f} {error(others):9.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dumps", type=Path)
    parser.add_argument("--fit", required=True, help="sets to judge fusion on, separated by commas")
    parser.add_argument("--curve", help="sets to fit confidence on, where every answer is labelled [default: as --fit]")
    args = parser.parse_args()
    sets = {path.stem: load(path) for path in sorted(args.dumps.glob("*.jsonl"))}
    fit = args.fit.split(",")
    curves = (args.curve or args.fit).split(",")
    missing = [name for name in fit + curves if name not in sets]
    if missing:
        parser.error(f"no dumps of {', '.join(missing)} in {args.dumps}")
    fusion(sets, fit)
    confidence(sets, curves)


if __name__ == "__main__":
    main()
