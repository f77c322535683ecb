#!/usr/bin/env python3
"""Makes index/data/pinyin.tsv from CC-CEDICT: the readings of characters, and of words that read otherwise.

    scripts/pinyin_table.py cedict.jsonl.gz > index/data/pinyin.tsv

Input: JSON Lines with `simplified` and `pinyin` (syllables with tone numbers). Readings are counted over all words, so
that a character's commonest one comes first; one that fewer than 2 % of its words have is left out. A word of at most
four characters is listed where its reading is not the one that its characters' first readings give.
"""
import collections
import gzip
import json
import re
import sys

SYLLABLE = re.compile(r"^[a-zü:]+$")


def syllables(pinyin):
    out = []
    for syllable in pinyin.lower().replace("u:", "v").split():
        plain = syllable.rstrip("12345").replace("ü", "v")
        if not SYLLABLE.match(plain) or plain in ("r", "m", "ng", "n", "hm", "xx", "hng"):
            return None
        out.append(plain)
    return out


def main():
    counts = collections.defaultdict(collections.Counter)
    words = {}
    for line in gzip.open(sys.argv[1], "rt", encoding="utf-8"):
        row = json.loads(line)
        word, reading = row["simplified"], syllables(row["pinyin"])
        name = row["pinyin"][:1].isupper()
        if reading is None or len(reading) != len(word) or not all("㐀" <= c <= "鿿" or c == "〇" for c in word):
            continue
        for c, s in zip(word, reading):
            counts[c][s] += 0.2 if name else 1
        if 2 <= len(word) <= 4:
            words.setdefault(word, []).append((name, reading))
    readings = {}
    for c, counter in counts.items():
        total = sum(counter.values())
        kept = [s for s, n in counter.most_common(4) if n >= 0.02 * total]
        readings[c] = kept or [counter.most_common(1)[0][0]]
    print("# Readings of characters, the commonest first, then of words that read otherwise; v is ü, tones are left out.")
    print("# Derived from CC-CEDICT (cc-cedict.org, CC BY-SA 4.0) by scripts/pinyin_table.py.")
    for c in sorted(readings):
        print(f"{c}\t{','.join(readings[c])}")
    for word in sorted(words):
        reading = sorted(words[word], key=lambda w: w[0])[0][1]
        if reading != [readings[c][0] for c in word] and len(word) <= 3:
            print(f"{word}\t{' '.join(reading)}")


main()
