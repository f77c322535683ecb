"""Texts and their units: the same folding and cutting as index/src/embed/bilingual.rs (a test compares the vectors)."""
import gzip
import json
import os
import re
import unicodedata
from pathlib import Path

import numpy as np

PROJECT = Path(__file__).resolve().parents[2]
DATA = PROJECT / "index" / "data"
WORK = Path(os.environ.get("WORK", "embedding-work"))
HAN = r"\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U000323af々〇"
RUN = re.compile(rf"[{HAN}]+|[^\W_{HAN}]+")
IS_HAN = re.compile(rf"[{HAN}]")
SIMPLIFIED = {
    ord(line.split("\t")[0]): line.rstrip("\n").split("\t")[1]
    for line in (DATA / "t2s.tsv").open(encoding="utf8")
    if not line.startswith("#")
}


def read(name):
    """Records of a file of the training folder, which ZHIYIN_EVAL_DATA names."""
    path = Path(os.environ["ZHIYIN_EVAL_DATA"]) / name
    opened = gzip.open(path, "rt", encoding="utf8") if path.suffix == ".gz" else path.open(encoding="utf8")
    with opened as file:
        return [json.loads(line) for line in file]


def words_of(name):
    """The lines of a word list that are not comments."""
    lines = (line.strip() for line in (DATA / name).open(encoding="utf8"))
    return {line for line in lines if line and not line.startswith("#")}


def fold(text):
    """NFKC, lower case, simplified, without marks and invisible characters."""
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKC", text).lower().translate(SIMPLIFIED)
    return "".join(c for c in text if unicodedata.category(c) not in ("Cf", "Mn"))


def runs(folded):
    """Runs of Chinese characters and words of other letters: (run, is_han)."""
    for match in RUN.finditer(folded):
        run = match.group()
        yield run, IS_HAN.match(run) is not None


class Units:
    """Units (characters, groups, words) and pieces of unknown words, by row."""

    def __init__(self, units, pieces):
        self.id = {unit: row for row, unit in enumerate(units)}
        self.piece = {piece: len(self.id) + row for row, piece in enumerate(pieces)}
        self.count = len(self.id) + len(self.piece)
        self.memo = {}

    def pieces(self, word):
        marked = "<" + word[:32] + ">"
        rows = [
            self.piece[marked[i : i + n]]
            for n in (2, 3, 4, 5)
            for i in range(len(marked) - n + 1)
            if marked[i : i + n] in self.piece
        ]
        return rows or [self.piece[c] for c in word[:32] if c in self.piece]

    def word(self, word):
        if word not in self.memo:
            row = self.id.get(word)
            self.memo[word] = [row] if row is not None else self.pieces(word)
        return self.memo[word]

    def __call__(self, text):
        """Rows of a text and their weights; the pieces of one word share its weight."""
        rows, weights = [], []
        for run, han in runs(fold(text)):
            if han:
                for i in range(len(run)):
                    for n in (1, 2, 3, 4):
                        row = self.id.get(run[i : i + n]) if i + n <= len(run) else None
                        if row is not None:
                            rows.append(row)
                            weights.append(1.0)
            else:
                own = self.word(run)
                rows += own
                weights += [max(len(own), 1) ** -0.5] * len(own)
        return np.array(rows, np.int32), np.array(weights, np.float32)
