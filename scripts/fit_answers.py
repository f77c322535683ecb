#!/usr/bin/env python3
"""Fits the weights by which answering sentences are chosen (index/data/answer.json).

    fit_answers.py make TRAIN_FOLDER OUT      pseudo-questions from openly licensed texts: OUT/NAME.{passages,queries}.jsonl
    fit_answers.py fit DUMP [--check DUMP]    weights from the signs that `eval_answers --dump` wrote, and the table of
                                              what they are worth on each set, with that set left out and with it alone

No judged set is trained on. A question of the training texts has an answer of several sentences; a passage is made of it
and of the answers to neighbouring questions, in random order, and the sentences of the right answer are the good ones.
Seeded; needs numpy only.
"""

import argparse
import collections
import gzip
import json
import random
import re
from pathlib import Path

import numpy as np

SIGNS = ["words", "local", "before", "after", "place", "cosine", "sign", "length", "first", "echo", "hit"]
# Signs that the made passages can teach; the others are set by principle (see `settle`).
TAUGHT = ["words", "local", "before", "after", "cosine", "sign", "length"]
PER_SET = 3000


def sentences(text):
    parts = re.split(r"(?<=[。！？；!?])\s*|(?<=\.)\s+(?=[A-Z\d-])|\n+", text)
    return [part.strip() for part in parts if part and len(part.strip()) > 5]


def groups(folder):
    """Per source: lists of (question, answer) that belong together."""
    found = collections.defaultdict(list)
    rows = collections.defaultdict(list)
    with gzip.open(folder / "qa.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            question = row["question"].split(" ")[0] if row["source"] == "toyhom" else row["question"]
            rows[row["source"]].append((question, row["answer"]))
    for source, pairs in rows.items():
        found[source] = [pairs[at : at + 4] for at in range(0, len(pairs) - 3, 4)]
    documents = collections.defaultdict(list)
    with gzip.open(folder / "sections.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            headings = row.get("headings") or row.get("heading") or []
            heading = headings[-1] if isinstance(headings, list) and headings else headings
            body = row.get("text") or row.get("body") or ""
            if isinstance(heading, str) and len(heading) > 5 and 60 < len(body) < 2000 and "```" not in body:
                documents[(row["lang"], row["title"], row["source"])].append((heading, body))
    for (language, _, _), sections in documents.items():
        for at in range(0, len(sections) - 3, 4):
            found["sections_" + language].append(sections[at : at + 4])
    return found


def make(folder, out):
    out.mkdir(parents=True, exist_ok=True)
    for source, lists in sorted(groups(folder).items()):
        chance = random.Random(7)
        chance.shuffle(lists)
        passages, queries = [], []
        for number, group in enumerate(lists):
            if len(queries) >= PER_SET:
                break
            cut = [sentences(answer)[:4] for _, answer in group]
            order = list(range(len(group)))
            chance.shuffle(order)
            joint = "" if source in ("toyhom", "csl") or source.endswith("zh") else " "
            passage = f"{source}-{number}"
            passages.append({"id": passage, "text": joint.join(joint.join(cut[at]) for at in order)})
            asked = chance.randrange(len(group))
            if cut[asked]:
                query = {"id": f"{passage}-{asked}", "query": group[asked][0], "relevant": [passage]}
                queries.append(query | {"answers": [joint.join(cut[asked])]})
        for kind, items in (("passages", passages), ("queries", queries)):
            with open(out / f"{source}.{kind}.jsonl", "w", encoding="utf-8") as file:
                file.writelines(json.dumps(item, ensure_ascii=False) + "\n" for item in items)
        print(f"{source}: {len(passages)} passages, {len(queries)} questions")


class Set:
    """The candidates of a set's questions: signs, whether good, and where each question begins."""

    def __init__(self, rows):
        self.signs = np.array([row[2] for row in rows], dtype=np.float64)
        self.good = np.array([row[1] for row in rows], dtype=bool)
        ids = np.array([row[0] for row in rows])
        starts = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]])
        self.group = np.cumsum(np.r_[0, ids[1:] != ids[:-1]])
        self.count = len(starts)
        useful = np.bincount(self.group, self.good) > 0
        useful &= np.bincount(self.group, ~self.good) > 0
        self.useful = useful[self.group]

    def hit(self, weights):
        """How often the best candidate is a good one."""
        sums = self.signs @ weights
        order = np.lexsort((-sums, self.group))
        first = order[np.r_[True, self.group[order][1:] != self.group[order][:-1]]]
        return self.good[first].mean()


def read(paths):
    rows = collections.defaultdict(list)
    for path in paths:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                name, identity, good, *signs = line.rstrip("\n").split("\t")
                rows[Path(name).name].append((identity, good == "1", [float(sign) for sign in signs]))
    return {name: Set(found) for name, found in rows.items()}


def soft(sums, group, count, mask):
    """Softmax within groups, over the candidates of the mask."""
    high = np.full(count, -np.inf)
    np.maximum.at(high, group[mask], sums[mask])
    parts = np.where(mask, np.exp(np.minimum(sums - high[group], 0.0)), 0.0)
    return parts / np.maximum(np.bincount(group, parts, count), 1e-12)[group]


def fit(sets, steps=400, rate=0.2, ridge=0.002):
    """Maximum likelihood of a good candidate under the softmax; each set weighs the same."""
    index = [SIGNS.index(name) for name in TAUGHT]
    start = np.zeros(len(SIGNS))
    start[SIGNS.index("echo")] = -2.0
    free = np.zeros(len(SIGNS), dtype=bool)
    free[index] = True
    # More of what the question says, or a sign of what it asks for, never speaks against a sentence.
    held = free & (np.array(SIGNS) != "length")
    weights, square = start.copy(), np.full(len(SIGNS), 1e-3)
    for _ in range(steps):
        slope = ridge * np.where(free, weights, 0.0)
        for one in sets:
            sums = one.signs @ weights
            everything = soft(sums, one.group, one.count, one.useful)
            wanted = soft(sums, one.group, one.count, one.useful & one.good)
            slope += ((everything - wanted)[:, None] * one.signs).sum(axis=0) / one.count / len(sets)
        slope[~free] = 0.0
        square = 0.9 * square + 0.1 * slope**2
        weights -= rate * 0.3 * slope / np.sqrt(square + 1e-4)
        weights[held] = np.maximum(weights[held], 0.0)
        rate *= 0.995
    return weights


def settle(weights):
    """The signs that the made passages say nothing about."""
    by = dict(zip(SIGNS, weights))
    by["place"] = by["before"]  # what stands above is read like the sentence before
    by["first"] = 0.5  # texts open with what matters; made passages are shuffled and cannot tell
    by["echo"] = -2.0  # a question is no answer
    by["hit"] = 1.0  # probabilities multiply: their logarithms add with weight 1
    return np.array([by[name] for name in SIGNS])


def report(train, check):
    everything = settle(fit(list(train.values())))
    print("weights:", json.dumps({name: round(float(w), 2) for name, w in zip(SIGNS, everything)}))
    print(f"{'best candidate is good':24} {'words':>7} {'all':>7} {'left out':>9} {'itself':>7}")
    words = np.zeros(len(SIGNS))
    words[0] = 10.0
    for name, one in train.items():
        others = settle(fit([other for key, other in train.items() if key != name]))
        own = fit([one])
        figures = [one.hit(words), one.hit(everything), one.hit(others), one.hit(own)]
        print(f"{name:24} {figures[0]:7.3f} {figures[1]:7.3f} {figures[2]:9.3f} {figures[3]:7.3f}")
    for name, one in check.items():
        own = fit([one])
        print(f"{name:24} {one.hit(words):7.3f} {one.hit(everything):7.3f} {'(unseen)':>9} {one.hit(own):7.3f}")
        print(" " * 24, "would be", {n: round(float(w), 2) for n, w in zip(SIGNS, own)})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make")
    making.add_argument("train", type=Path)
    making.add_argument("out", type=Path)
    fitting = commands.add_parser("fit")
    fitting.add_argument("dumps", nargs="+")
    fitting.add_argument("--check", nargs="*", default=[])
    asked = parser.parse_args()
    if asked.command == "make":
        make(asked.train, asked.out)
    else:
        report(read(asked.dumps), read(asked.check))


if __name__ == "__main__":
    main()
