"""Trains the units' vectors: what belongs together comes together, against everything else of its batch.

Symmetric InfoNCE with in-batch negatives (van den Oord et al. 2018), row-wise Adagrad (Duchi et al. 2011), seeded.
A batch holds pairs of one kind: sentence and translation; sentence and the translated passage around it; word and
gloss; heading and section; sentence and the rest of its section; question and answer. In batches of the kind "alike"
each sentence, in either language, is to find the others as near as the teacher finds their English sides (distillation
of similarities, Fang et al. 2021).
"""
import pickle
import time

import numba as nb
import numpy as np

from units import WORK

BATCH, EPOCHS, RATE, TEMPERATURE, DROP, TF_EXPONENT = 2048, 8, 0.03, 0.065, 0.2, 0.5
SHARES = {"parallel": 1.0, "around": 1.0, "gloss": 1.0, "heading": 1.0, "rest": 1.0, "answer": 1.5, "alike": 1.0}
TAUGHT_TEMPERATURE = 0.05
# Of a sentence to itself, which says nothing.
NEVER = -1e4
# Which sides of parallel sentences are compared: 0 is English, 1 Chinese.
SIDES = {"alike en": (0, 0), "alike zh": (1, 1), "alike both": (0, 1)}
OF_ONE_LANGUAGE = {kind for kind, (one, other) in SIDES.items() if one == other}
MOST_ROWS = 20_000


@nb.njit(fastmath=True)
def gather(sentences, bounds, starts, rows, weights, exponent, drop, seed):
    """The distinct rows of each text of a batch and their weights; some are dropped at random."""
    np.random.seed(seed)
    total = 0
    for k in sentences:
        total += starts[k + 1] - starts[k]
    out, weight, ends = np.empty(total, np.int32), np.empty(total, np.float32), np.zeros(len(bounds), np.int64)
    row, own, n = np.empty(MOST_ROWS, np.int32), np.empty(MOST_ROWS, np.float32), 0
    for t in range(len(bounds) - 1):
        m = 0
        for k in sentences[bounds[t] : bounds[t + 1]]:
            for j in range(starts[k], starts[k + 1]):
                if m < MOST_ROWS and (drop == 0 or np.random.random() >= drop):
                    row[m], own[m] = rows[j], weights[j]
                    m += 1
        order, i = row[:m].argsort(), 0
        while i < m:
            same, count, sum_ = row[order[i]], 0, np.float32(0)
            while i < m and row[order[i]] == same:
                sum_ += own[order[i]]
                count += 1
                i += 1
            out[n], weight[n] = same, sum_ / np.float32(count) * np.float32(count) ** exponent
            n += 1
        ends[t + 1] = n
    return out[:n], weight[:n], ends


@nb.njit(fastmath=True)
def forward(vectors, rows, weights, ends):
    count, size = len(ends) - 1, vectors.shape[1]
    out, lengths = np.zeros((count, size), np.float32), np.ones(count, np.float32)
    for t in range(count):
        for j in range(ends[t], ends[t + 1]):
            for d in range(size):
                out[t, d] += weights[j] * vectors[rows[j], d]
        length = np.float32(0)
        for d in range(size):
            length += out[t, d] * out[t, d]
        lengths[t] = np.sqrt(length) + np.float32(1e-6)
        for d in range(size):
            out[t, d] /= lengths[t]
    return out, lengths


@nb.njit(fastmath=True)
def backward(gradient, made, change, lengths, rows, weights, ends, marked, touched, n):
    size = made.shape[1]
    for t in range(len(ends) - 1):
        along = np.float32(0)
        for d in range(size):
            along += change[t, d] * made[t, d]
        for d in range(size):
            change[t, d] = (change[t, d] - along * made[t, d]) / lengths[t]
        for j in range(ends[t], ends[t + 1]):
            k = rows[j]
            if marked[k] == 0:
                marked[k], touched[n] = 1, k
                n += 1
            for d in range(size):
                gradient[k, d] += weights[j] * change[t, d]
    return n


@nb.njit(fastmath=True)
def update(vectors, history, gradient, marked, touched, n, rate):
    size = vectors.shape[1]
    for i in range(n):
        k, square = touched[i], np.float32(0)
        for d in range(size):
            square += gradient[k, d] * gradient[k, d]
        history[k] += square / size
        step = rate / np.sqrt(history[k])
        for d in range(size):
            vectors[k, d] -= step * gradient[k, d]
            gradient[k, d] = 0
        marked[k] = 0


def softmax(score):
    raised = np.exp(score - score.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


class Training:
    def __init__(self, vectors, texts, compared, taught):
        starts, rows, weights, self.sections, self.parallel, sources, self.glosses, self.answers = texts
        self.starts, self.rows, self.weights = starts, rows, weights
        self.compared, self.taught = compared, taught
        self.vectors, self.history = vectors, np.full(len(vectors), 1e-8, np.float32)
        self.gradient, self.marked = np.zeros_like(vectors), np.zeros(len(vectors), np.uint8)
        self.touched = np.zeros(len(vectors), np.int32)
        self.random, self.seed = np.random.default_rng(7), 0
        # Parallel sentences stand in the order of their documents, but for tatoeba's.
        self.documents, current = [], [0]
        for i in range(1, len(sources)):
            if sources[i] != sources[i - 1]:
                self.documents.append(current)
                current = []
            current.append(i)
        self.documents.append(current)
        self.place = {
            i: (d, k)
            for d, members in enumerate(self.documents)
            if sources[members[0]] != "tatoeba"
            for k, i in enumerate(members)
        }

    def batches(self):
        some = self.random
        jobs = []

        def cut(kind, members, times):
            whole, part = divmod(times, 1)
            order = np.concatenate(
                [some.permutation(members) for _ in range(int(whole))] + [some.permutation(members)[: int(len(members) * part)]]
            ).astype(np.int64)
            jobs.extend((kind, order[s : s + BATCH]) for s in range(0, len(order) - BATCH + 1, BATCH))

        cut("parallel", np.arange(len(self.parallel)), SHARES["parallel"])
        cut("around", np.array(list(self.place)), SHARES["around"])
        cut("gloss", np.arange(len(self.glosses)), SHARES["gloss"])
        for kind in SIDES:
            cut(kind, np.arange(len(self.compared)), SHARES["alike"])
        for language in ("zh", "en"):
            for kind, least in (("heading", 1), ("rest", 3)):
                cut(kind, np.array([i for i, s in enumerate(self.sections) if s[0] == language and len(s[3]) >= least]), SHARES[kind])
            cut("answer", np.array([i for i, a in enumerate(self.answers) if a[0] == language and a[2]]), SHARES["answer"])
        return [jobs[i] for i in some.permutation(len(jobs))]

    def window(self, sentences, size):
        first = int(self.random.integers(0, max(1, len(sentences) - size + 1)))
        return sentences[first : first + size]

    def around(self, i, asked, crossed):
        d, k = self.place[i]
        members, size = self.documents[d], int(self.random.integers(2, 7))
        first = max(0, k - int(self.random.integers(0, size)))
        given = 1 - asked if crossed else asked
        # In the same language the sentence itself would give it away.
        passage = [self.parallel[j][given] for j in members[first : first + size] if crossed or j != i]
        return [self.parallel[i][asked]], passage or [self.parallel[i][given]]

    def pairs(self, kind, members):
        some = self.random
        members = [int(i) for i in members]
        if kind == "parallel":
            return [([self.parallel[i][0]], [self.parallel[i][1]]) for i in members]
        if kind in SIDES:
            return [tuple([self.parallel[self.compared[i]][side]] for side in SIDES[kind]) for i in members]
        if kind == "around":
            asked, crossed = int(some.integers(2)), some.integers(4) > 0
            return [self.around(i, asked, crossed) for i in members]
        if kind == "gloss":
            one = lambda glosses: [glosses[int(some.integers(len(glosses)))]] if some.random() < 0.6 else list(glosses)
            return [([self.glosses[i][0]], one(self.glosses[i][1])) for i in members]
        if kind == "heading":
            choose = lambda s: [s[1]] if some.random() < 0.6 else [s[2]]
            return [(choose(self.sections[i]), self.window(self.sections[i][3], int(some.integers(2, 9)))) for i in members]
        if kind == "rest":
            found = []
            for i in members:
                own = self.sections[i][3]
                k = int(some.integers(len(own)))
                rest = [s for s in own[max(0, k - 4) : k + 5] if s != own[k]]
                found.append(([own[k]], rest + [own[k]] if some.random() < 0.25 else rest))
            return found
        return [([self.answers[i][1]], self.window(self.answers[i][2], int(some.integers(1, 6)))) for i in members]

    def wanted(self, kind, members):
        """How the texts of one side share themselves out among those of the other."""
        if kind not in SIDES:
            return np.eye(len(members), dtype=np.float32)
        taught = self.taught[members]
        likeness = taught @ taught.T / TAUGHT_TEMPERATURE
        if kind in OF_ONE_LANGUAGE:
            np.fill_diagonal(likeness, NEVER)
        return softmax(likeness)

    def step(self, kind, members, rate):
        pairs = self.pairs(kind, members)
        self.seed += 1
        sides = []
        for which in (0, 1):
            texts = [pair[which] for pair in pairs]
            bounds = np.zeros(len(texts) + 1, np.int64)
            bounds[1:] = np.cumsum([len(t) for t in texts])
            flat = np.array([s for t in texts for s in t], np.int64)
            seed = self.seed + which * 1_000_000
            bag = gather(flat, bounds, self.starts, self.rows, self.weights, TF_EXPONENT, DROP, seed)
            sides.append((bag, *forward(self.vectors, *bag)))
        (a, left, la), (b, right, lb) = sides
        score, wanted = left @ right.T / TEMPERATURE, self.wanted(kind, members)
        if kind in OF_ONE_LANGUAGE:
            np.fill_diagonal(score, NEVER)
        by_row, by_column = softmax(score), softmax(score.T).T
        # Likeness is the same both ways, so that its columns want what its rows do.
        loss = -(wanted * np.log(by_row + 1e-9) + wanted.T * np.log(by_column + 1e-9)).sum() / (2 * len(pairs))
        change = (by_row - wanted + by_column - wanted.T) / 2
        change = (change / (len(pairs) * TEMPERATURE)).astype(np.float32)
        n = backward(self.gradient, left, change @ right, la, *a, self.marked, self.touched, 0)
        n = backward(self.gradient, right, change.T @ left, lb, *b, self.marked, self.touched, n)
        update(self.vectors, self.history, self.gradient, self.marked, self.touched, n, np.float32(rate))
        return loss


def main():
    names, pieces, texts = pickle.load((WORK / "texts.pkl").open("rb"))
    compared = np.load(WORK / "compared.npz")
    training = Training(np.load(WORK / "first.npy"), texts, compared["chosen"], compared["vectors"])
    started, done, losses = time.time(), 0, {}
    total = len(training.batches()) * EPOCHS
    while done < total:
        for kind, members in training.batches():
            loss = training.step(kind, members, RATE * max(0.03, 1 - done / total))
            losses[kind] = 0.95 * losses.get(kind, loss) + 0.05 * loss
            done += 1
            if done % 100 == 0:
                shown = " ".join(f"{k} {v:.2f}" for k, v in sorted(losses.items()))
                print(f"{done}/{total} {time.time() - started:.0f} s {shown}", flush=True)
            if done >= total:
                break
    np.save(WORK / "vectors.npy", training.vectors)


if __name__ == "__main__":
    main()
