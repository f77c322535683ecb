"""The bilingual lexicon: IBM Model 1 both ways over parallel sentences and dictionary glosses -> index/data/lexicon.bin."""
import collections
import pickle
import re
import struct

import jieba
import numba as nb
import numpy as np
import snowballstemmer
from blake3 import blake3

from units import DATA, WORK, fold, read, runs, words_of

TOP, LEAST, RELATIVE = 12, 0.01, 0.05
ROUNDS = 8
stemmer = snowballstemmer.stemmer("english")
jieba.setLogLevel(60)
STOP_EN, STOP_ZH = words_of("stop_en.txt"), words_of("stop_zh.txt")


def english(text):
    return [stemmer.stemWord(run) for run, han in runs(fold(text)) if not han and run not in STOP_EN]


def chinese(text):
    return [w for run, han in runs(fold(text)) if han for w in jieba.cut(run) if w not in STOP_ZH]


def pairs():
    """(Chinese words, English stems, weight)."""
    for row in read("train/parallel.jsonl.gz"):
        zh, en = chinese(row["zh"])[:60], english(row["en"])[:60]
        if zh and en:
            yield zh, en, 1.0
    for row in read("train/cedict.jsonl.gz"):
        head = fold(row["simplified"])
        for gloss in row["glosses"][:6] if len(head) <= 8 else []:
            gloss = re.sub(r"(old |erhua )?variant of .*|see .*|surname.*", "", gloss)
            en = english(re.sub(r"\([^)]*\)", "", gloss))[:12]
            if en:
                yield [head], en, 1.0
                parts = list(jieba.cut(head))
                if len(parts) > 1 and len(head) > 2:
                    yield parts, en, 0.5


@nb.njit
def cells(fa, oa, fb, ob, width, out):
    n = 0
    for s in range(len(oa) - 1):
        for i in range(oa[s], oa[s + 1]):
            for j in range(ob[s], ob[s + 1]):
                out[n] = np.int64(fa[i]) * width + fb[j]
                n += 1


@nb.njit
def expect(cell, oz, oe, weight, t, count, reverse):
    """One E step: every word of one side is explained by the words of the other."""
    n = 0
    for s in range(len(oz) - 1):
        a, b = oz[s + 1] - oz[s], oe[s + 1] - oe[s]
        outer, inner, so, si = (a, b, b, 1) if reverse else (b, a, 1, b)
        for j in range(outer):
            total = 1e-7
            for i in range(inner):
                total += t[cell[n + j * so + i * si]]
            for i in range(inner):
                k = cell[n + j * so + i * si]
                count[k] += weight[s] * t[k] / total
        n += a * b


def strengths():
    """Words, stems, and for each pair that occurs the geometric mean of both directions' probabilities."""
    zh, en, weight = zip(*pairs())
    words = {w: i for i, w in enumerate(dict.fromkeys(x for s in zh for x in s))}
    stems = {w: i for i, w in enumerate(dict.fromkeys(x for s in en for x in s))}

    def flat(sentences, ids):
        starts = np.zeros(len(sentences) + 1, np.int64)
        starts[1:] = np.cumsum([len(s) for s in sentences])
        return np.array([ids[x] for s in sentences for x in s], np.int32), starts

    fz, oz = flat(zh, words)
    fe, oe = flat(en, stems)
    keys = np.empty(int(((oz[1:] - oz[:-1]) * (oe[1:] - oe[:-1])).sum()), np.int64)
    cells(fz, oz, fe, oe, len(stems), keys)
    unique, cell = np.unique(keys, return_inverse=True)
    cell, weight = cell.astype(np.int32), np.array(weight, np.float32)
    source, target = (unique // len(stems)).astype(np.int32), (unique % len(stems)).astype(np.int32)
    both = []
    for reverse, norm, size in ((False, source, len(words)), (True, target, len(stems))):
        t = np.ones(len(unique))
        for _ in range(ROUNDS):
            count = np.zeros(len(unique))
            expect(cell, oz, oe, weight, t, count, reverse)
            # What was seen once counts for less.
            t = count / (np.bincount(norm, count, size)[norm] + 0.3)
        both.append(t)
    return list(words), list(stems), source, target, np.sqrt(both[0] * both[1])


def side(own, other, strength):
    found = collections.defaultdict(list)
    for k in np.where(strength >= LEAST)[0]:
        found[int(own[k])].append((float(strength[k]), int(other[k])))
    best = {word: sorted(list_, reverse=True)[:TOP] for word, list_ in found.items()}
    return {w: [(s / l[0][0], t) for s, t in l if s >= RELATIVE * l[0][0]] for w, l in best.items()}


def main():
    words, stems, source, target, strength = strengths()
    WORK.mkdir(exist_ok=True)
    with (WORK / "lexicon.pkl").open("wb") as file:
        pickle.dump((words, stems, source, target, strength.astype(np.float32)), file)
    zh = {w: l for w, l in side(source, target, strength).items() if len(words[w]) <= 8}
    en = side(target, source, strength)
    zh_ids = sorted(set(zh) | {t for l in en.values() for _, t in l}, key=lambda i: words[i].encode())
    en_ids = sorted(set(en) | {t for l in zh.values() for _, t in l}, key=lambda i: stems[i].encode())
    zh_place, en_place = ({k: i for i, k in enumerate(ids)} for ids in (zh_ids, en_ids))
    texts = "".join(words[k] + "\n" for k in zh_ids) + "".join(stems[k] + "\n" for k in en_ids)
    starts, translations = [0], []
    for ids, table, place in ((zh_ids, zh, en_place), (en_ids, en, zh_place)):
        for k in ids:
            translations += [place[t] << 8 | max(1, round(255 * s**0.5)) for s, t in table.get(k, [])]
            starts.append(len(translations))
    texts = texts.encode()
    out = b"ZYLEX1\n\0" + struct.pack("<III", len(zh_ids), len(en_ids), len(texts)) + texts
    out += np.array(starts, "<u4").tobytes() + np.array(translations, "<u4").tobytes()
    (DATA / "lexicon.bin").write_bytes(out + blake3(out).digest())
    print(f"{len(zh_ids)} Chinese words, {len(en_ids)} English stems, {len(translations)} translations, {len(out)} bytes")


if __name__ == "__main__":
    main()
