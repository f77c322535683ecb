#!/usr/bin/env python3
"""Makes index/data/words_en.txt: words that are no slips of the keyboard, because many people wrote them.

    scripts/english_words.py FILE.jsonl.gz … > index/data/words_en.txt

Counts words in lower case over all strings of the given files, and keeps those of 4 to 16 letters seen at least 7 times;
those that can be read as pinyin only where they are common, since they are more often names there.
"""
import collections
import gzip
import json
import pathlib
import re
import sys

WORD = re.compile(r"(?<![A-Za-z0-9_'.-])[a-z]{4,16}(?![A-Za-z0-9_'-])")
TABLE = pathlib.Path(__file__).parent.parent / "index/data/pinyin.tsv"


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from strings(part)


def syllables():
    found = set()
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            found.update(re.split("[, ]", line.split("\t")[1]))
    return found


def main():
    counts = collections.Counter()
    for name in sys.argv[1:]:
        for line in gzip.open(name, "rt", encoding="utf-8"):
            row = json.loads(line)
            row.pop("pinyin", None)
            for text in strings(row):
                counts.update(WORD.findall(text))
    known = syllables()
    pinyin = re.compile("(?:" + "|".join(sorted(known, key=len, reverse=True)) + ")+")
    print("# English words in use, one a line: they are never taken for slips. Made by scripts/english_words.py.")
    for word in sorted(counts):
        if counts[word] >= (60 if pinyin.fullmatch(word) else 7):
            print(word)


main()
