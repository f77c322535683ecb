"""Chooses the units, cuts the training texts into rows, gives every unit its first vector, and asks the teacher which
sentences are alike."""
import collections
import os
import pickle
import re

import jieba
import numpy as np
import snowballstemmer

from teacher import Teacher
from units import IS_HAN, WORK, Units, fold, read, runs

WORDS, LATIN, PIECES, TAUGHT = 50_000, 36_000, 9_000, 60_000
COMPARED, SHORTEST, LONGEST = 40_000, 15, 160
DIMENSION = 256
SENTENCE = re.compile(r"[^。！？!?\n.]+(?:[。！？!?\n]|\.(?=\s|$)|\.|$)")


def counts():
    han, latin, glossed, heads = (collections.Counter() for _ in range(4))

    def add(text):
        for run, is_han in runs(fold(text)):
            if is_han:
                han.update(run[i : i + n] for n in (1, 2, 3, 4) for i in range(len(run) - n + 1))
            else:
                latin[run] += 1

    for row in read("train/sections.jsonl.gz"):
        for text in (row["title"], *row["headings"], row["body"]):
            add(text)
    for row in read("train/parallel.jsonl.gz"):
        add(row["zh"])
        add(row["en"])
    for row in read("train/qa.jsonl.gz"):
        add(row["question"])
        add(row["answer"])
    for row in read("train/cedict.jsonl.gz"):
        heads[fold(row["simplified"])] += 1
        glossed.update(run for gloss in row["glosses"] for run, is_han in runs(fold(gloss)) if not is_han)
    return han, latin, glossed, heads


def general_counts():
    """How common words are in general: jieba's own dictionary (MIT)."""
    path = os.path.join(os.path.dirname(jieba.__file__), "dict.txt")
    found = {}
    for line in open(path, encoding="utf8"):
        word, count = line.split(" ")[:2]
        word = fold(word)
        found[word] = max(found.get(word, 0), int(count))
    return found


def vocabulary(han, latin, glossed, heads):
    general = general_counts()
    is_han = lambda word: all(IS_HAN.match(c) for c in word)
    characters = {c for c in han if len(c) == 1} | {c for head in heads for c in head if is_han(c)}
    characters = [c for c in characters if han[c] >= 3 or general.get(c, 0) >= 3 or (c in heads and general.get(c, 0))]
    known = set(heads) | {w for w in general if han[w] >= 10}
    weight = lambda w: (han[w] * 3 + general.get(w, 0) + (2 if w in heads else 0), w)
    words = sorted((w for w in known if 2 <= len(w) <= 4 and is_han(w)), key=weight, reverse=True)[:WORDS]
    every = set(latin) | set(glossed)
    common = [w for w in every if latin[w] + glossed[w] >= 3 and len(w) <= 24]
    common = [w for w in common if not any(c.isdigit() for c in w) or latin[w] >= 20]
    common = sorted(common, key=lambda w: (latin[w] + 3 * glossed[w], w), reverse=True)[:LATIN]
    pieces = collections.Counter()
    for word in sorted(w for w in every if w.isascii()):
        marked = f"<{word}>"
        pieces.update(marked[i : i + n] for n in (2, 3, 4, 5) for i in range(len(marked) - n + 1))
    chosen = [p for p, c in pieces.most_common() if c >= 60 or (len(p) <= 2 and c >= 2)]
    chosen += sorted({c for word in latin for c in word})
    pieces = list(dict.fromkeys(chosen))[:PIECES]
    units = list(dict.fromkeys(sorted(characters) + sorted(words) + common))
    return units, pieces, len(characters) + len(words)


class Sentences:
    """Rows and weights of all training sentences, end to end."""

    def __init__(self, units):
        self.units, self.rows, self.weights, self.starts = units, [], [], [0]

    def add(self, text):
        rows, weights = self.units(text)
        self.rows.append(rows)
        self.weights.append(weights)
        self.starts.append(self.starts[-1] + len(rows))
        return len(self.starts) - 2


def sentences(body, most=40):
    out, current = [], ""
    for match in SENTENCE.finditer(body):
        current += match.group()
        if len(current) >= (12 if IS_HAN.search(current) else 30):
            out.append(current)
            current = ""
        if len(out) >= most:
            break
    return out + ([current] if current.strip() else [])


def texts(units):
    store = Sentences(units)
    sections, parallel, sources, glosses, answers = [], [], [], [], []
    for row in read("train/sections.jsonl.gz"):
        if len(row["body"]) >= 20:
            whole = store.add(" ".join([row["title"], *row["headings"]]))
            last = store.add((row["headings"] or [row["title"]])[-1])
            sections.append((row["lang"], whole, last, [store.add(s) for s in sentences(row["body"])]))
    for row in read("train/parallel.jsonl.gz"):
        parallel.append((store.add(row["en"][:600]), store.add(row["zh"][:300])))
        sources.append(row["source"])
    for row in read("train/cedict.jsonl.gz"):
        own = [g for g in row["glosses"] if not g.startswith(("variant of", "see "))][:5]
        if own:
            glosses.append((store.add(row["simplified"]), [store.add(g) for g in own]))
    for row in read("train/qa.jsonl.gz"):
        own = [store.add(s) for s in sentences(row["answer"], 12)]
        answers.append((row["lang"], store.add(row["question"]), own))
    starts = np.array(store.starts, np.int64)
    return starts, np.concatenate(store.rows), np.concatenate(store.weights), sections, parallel, sources, glosses, answers


def compared(teacher):
    """Parallel sentences (all of Tatoeba's and some others) and how the teacher sees the English side of each."""
    rows = read("train/parallel.jsonl.gz")
    everyday = [i for i, row in enumerate(rows) if row["source"] == "tatoeba"]
    other = [i for i, row in enumerate(rows) if row["source"] != "tatoeba" and SHORTEST <= len(row["en"]) <= LONGEST]
    chosen = np.array(everyday + list(np.random.default_rng(3).permutation(other)[:COMPARED]))
    return chosen, teacher.embed([rows[i]["en"] for i in chosen])


def first_vectors(teacher, units, chinese, han, latin, glossed):
    """English words as the teacher sees them, Chinese ones as their translations, pieces as the words that hold them."""
    count = lambda w: latin[w] + glossed[w]
    taught = [w for w in set(latin) | set(glossed) if count(w) >= 2 and len(w) <= 24 and not w.isdigit()]
    taught = sorted(taught, key=lambda w: (count(w), w), reverse=True)[:TAUGHT]
    vectors = teacher.embed(taught)
    vectors -= vectors.mean(0)
    vectors = vectors @ np.linalg.svd(vectors, full_matrices=False)[2][:DIMENSION].T
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    place = {w: i for i, w in enumerate(taught)}
    stemmer = snowballstemmer.stemmer("english")
    by_stem = collections.defaultdict(list)
    for word, i in place.items():
        by_stem[stemmer.stemWord(word)].append((count(word) + 1, i))
    by_stem = {s: sum(c * vectors[i] for c, i in l) / sum(c for c, _ in l) for s, l in by_stem.items()}
    words, stems, source, target, strength = pickle.load((WORK / "lexicon.pkl").open("rb"))
    translated = collections.defaultdict(lambda: np.zeros(DIMENSION, np.float32))
    for k in np.where(strength > 0.02)[0]:
        if stems[target[k]] in by_stem:
            translated[words[source[k]]] += strength[k] * by_stem[stems[target[k]]]
    first = np.zeros((units.count, DIMENSION), np.float32)
    held = np.zeros(units.count)
    for word, row in units.id.items():
        if row < chinese:
            if word in translated:
                first[row] = translated[word] / (np.linalg.norm(translated[word]) + 1e-9)
        elif word in place:
            first[row] = vectors[place[word]]
            for piece in units.pieces(word):
                first[piece] += first[row]
                held[piece] += 1
    first[held > 0] /= held[held > 0][:, None]
    # Frequent words say little (Arora, Liang and Ma 2017).
    characters, letters = sum(han[c] for c in han if len(c) == 1), sum(latin.values())
    for word, row in units.id.items():
        share = han[word] / characters if row < chinese else latin[word] / letters
        first[row] *= 1e-3 / (1e-3 + share) * (0.35 if row < chinese and len(word) == 1 else 1.0)
    return first + np.random.default_rng(0).normal(0, 0.02, first.shape).astype(np.float32)


def main():
    han, latin, glossed, heads = counts()
    names, pieces, chinese = vocabulary(han, latin, glossed, heads)
    units = Units(names, pieces)
    with (WORK / "texts.pkl").open("wb") as file:
        pickle.dump((names, pieces, texts(units)), file)
    teacher = Teacher()
    np.save(WORK / "first.npy", first_vectors(teacher, units, chinese, han, latin, glossed))
    chosen, vectors = compared(teacher)
    np.savez(WORK / "compared.npz", chosen=chosen, vectors=vectors)
    print(f"{len(names)} units ({chinese} Chinese), {len(pieces)} pieces")


if __name__ == "__main__":
    main()
