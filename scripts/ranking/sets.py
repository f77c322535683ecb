#!/usr/bin/env python3
"""Makes the judged sets that ranking weights are fitted on, out of texts that no reported figure is about.

    ZHIYIN_EVAL_DATA=… scripts/ranking/sets.py FOLDER

Writes NAME.passages.jsonl and NAME.queries.jsonl into FOLDER (what `zhiyin eval --passages --queries` reads):

    csl             titles of Chinese abstracts, put to the abstracts
    medquad         questions on health, put to their answers
    arduino         titles of a help centre's articles, put to their sections without titles
    manual_zh, _en  headings of product documentation, put to the text under them
    manual_zh_en, _en_zh   the same headings, put to the text in the other language
    line_zh_en, _en_zh     one sentence, put to the sections of the other language
    same_en, same_zh       sentences that share a translation: one is known, the other asks

Same input, same output: choices follow a hash of the text.
"""

import collections
import gzip
import hashlib
import json
import os
import re
import sys
from pathlib import Path

MOST = 1500
KNOWN = 8000
SENTENCE = re.compile(r"[^。!?!?\n]{8,160}?(?:[。!?!?\n]|\.(?=\s))")


def key(text):
    """Stands for chance, the same on every run."""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def lines(path):
    """The records of a JSON Lines file, packed or not."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def write(folder, name, passages, queries, known=False):
    """One set: texts (or known questions) by id, and (question, relevant ids)."""
    queries = sorted(queries, key=lambda q: key(q[0]))[:MOST]
    with open(folder / f"{name}.passages.jsonl", "w", encoding="utf-8") as file:
        for identity, text in passages.items():
            row = {"id": identity, "questions": [text]} if known else {"id": identity, "text": text}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    with open(folder / f"{name}.queries.jsonl", "w", encoding="utf-8") as file:
        for number, (text, relevant) in enumerate(queries):
            row = {"id": f"q{number}", "query": text, "relevant": sorted(relevant)}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    print(f"{name}: {len(passages)} passages, {len(queries)} queries")


def questions_and_answers(folder, rows):
    """CSL and MedQuAD: an answer may serve several questions."""
    for source, most in (("csl", 2000), ("medquad", 2500)):
        own = sorted((r for r in rows if r["source"] == source), key=lambda r: key(r["question"]))[:most]
        ids, relevant = {}, collections.defaultdict(set)
        for row in own:
            identity = ids.setdefault(row["answer"], f"d{len(ids)}")
            relevant[row["question"]].add(identity)
        write(folder, source, {i: text for text, i in ids.items()}, relevant.items())


def headings(rows, language):
    """Sections by id, and those headings that name one section only."""
    own = [r for r in rows if r["lang"] == language]
    passages, named = {}, collections.defaultdict(set)
    for row in own:
        identity = f"{language}{len(passages)}"
        passages[identity] = row["body"]
        heading = row["headings"][-1] if row["headings"] else row["title"]
        if len(heading) >= (4 if language == "zh" else 8):
            named[heading].add(identity)
    return passages, {h: ids for h, ids in named.items() if len(ids) == 1}


def manual(folder, rows):
    """Headings within a language, and headings and sentences across."""
    for language in ("zh", "en"):
        passages, named = headings(rows, language)
        write(folder, f"manual_{language}", passages, named.items())
    pages = collections.defaultdict(lambda: {"zh": [], "en": []})
    for row in rows:
        pages[row["path"]][row["lang"]].append(row)
    pairs = []
    for page in pages.values():
        if len(page["zh"]) == len(page["en"]):
            pairs += zip(page["zh"], page["en"])
    for asked, found in (("zh", "en"), ("en", "zh")):
        own = [pair if asked == "zh" else pair[::-1] for pair in pairs]
        passages = {f"s{n}": pair[1]["body"] for n, pair in enumerate(own)}
        heads, said = collections.defaultdict(set), {}
        for number, (mine, _) in enumerate(own):
            heading = mine["headings"][-1] if mine["headings"] else mine["title"]
            if len(heading) >= (4 if asked == "zh" else 8):
                heads[heading].add(f"s{number}")
            sentences = sorted((s.strip() for s in SENTENCE.findall(mine["body"])), key=key)
            for sentence in sentences[:1]:
                said[sentence] = {f"s{number}"}
        named = {h: ids for h, ids in heads.items() if len(ids) == 1}
        write(folder, f"manual_{asked}_{found}", passages, named.items())
        write(folder, f"line_{asked}_{found}", passages, said.items())


def arduino(folder, rows):
    """A help centre: the title of an article asks for any of its sections."""
    passages, named = {}, collections.defaultdict(set)
    for row in rows:
        passages[f"a{len(passages)}"] = row["body"]
        named[row["title"]].add(f"a{len(passages) - 1}")
    write(folder, "arduino", passages, named.items())


def paraphrases(folder, rows):
    """Sentences that share a translation say the same."""
    for own, other in (("en", "zh"), ("zh", "en")):
        groups = collections.defaultdict(set)
        for row in rows:
            if row["source"] == "tatoeba" and row[own] and row[other]:
                groups[row[other]].add(row[own])
        passages, queries, placed = {}, [], set()
        for sentences in sorted(groups.values(), key=lambda g: key(min(g))):
            if len(passages) == KNOWN:
                break
            first = sorted(sentences, key=key)
            identity = f"k{len(passages)}"
            if first[0] in placed:
                continue
            passages[identity] = first[0]
            placed.add(first[0])
            queries += [(text, {identity}) for text in first[1:2] if text not in placed]
        write(folder, f"same_{own}", passages, [q for q in queries if q[0] not in placed], known=True)


def main():
    data, folder = Path(os.environ["ZHIYIN_EVAL_DATA"]), Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    questions_and_answers(folder, lines(data / "train/qa.jsonl.gz"))
    manual(folder, lines(data / "kb/dify_docs.jsonl"))
    arduino(folder, lines(data / "kb/arduino_help.jsonl"))
    paraphrases(folder, lines(data / "train/parallel.jsonl.gz"))


if __name__ == "__main__":
    main()
