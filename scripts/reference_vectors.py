#!/usr/bin/env python3
"""Reference vectors for the transformer encoders, computed apart from the Rust code: numpy in f64, tokenizers.

    python3 scripts/reference_vectors.py tiny              the small random models and their vectors (index/tests/data/models)
    python3 scripts/reference_vectors.py vectors DIR FILE  vectors of the model in DIR for the texts below, as JSON

Needs: pip install numpy tokenizers
"""
import json, math, os, struct, sys
import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "..", "index", "tests", "data", "models")
TEXTS = [
    "How do I reset my password?", "resetting a forgotten password", "delivery takes three days",
    "The refund is paid within 14 days after we have received the goods.", "a", "WiFi Router X200-Pro, 5 GHz",
    "退货政策", "签收后 15 天内可以无理由退货。", "如何申请退款 refund", "naïve café — déjà vu!", "  spaces   and\ttabs\n",
    "1234567890 SF1234567", "Who was the first person to walk on the moon?", "[SEP] in the text", "🙂 emoji", "!?",
    "the " * 400, "Large Language Models are trained on text. " * 40, "ＷｉＦｉ　Ｒｏｕｔｅｒ", "question: what is it?",
]
PAIRS = [("reset password", "how to reset a password"), ("reset password", "delivery"), ("退货", "退货政策 七天"), ("a", "b " * 60)]


# ---- safetensors ----------------------------------------------------------------------------------------------------
def load(folder):
    index = os.path.join(folder, "model.safetensors.index.json")
    names = ["model.safetensors"]
    if not os.path.exists(os.path.join(folder, names[0])):
        names = sorted(set(json.load(open(index))["weight_map"].values()))
    tensors = {}
    for name in names:
        data = open(os.path.join(folder, name), "rb").read()
        n = struct.unpack("<Q", data[:8])[0]
        for key, about in json.loads(data[8 : 8 + n]).items():
            if key == "__metadata__" or about["dtype"] not in ("F32", "F16", "BF16"):
                continue
            a, b = about["data_offsets"]
            raw = data[8 + n + a : 8 + n + b]
            if about["dtype"] == "BF16":
                values = (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)
            else:
                values = np.frombuffer(raw, "<f4" if about["dtype"] == "F32" else "<f2")
            tensors[key] = values.astype(np.float64).reshape(about["shape"])
    return tensors


def save(path, tensors, dtype):
    header, blob = {}, b""
    for name, value in tensors.items():
        if dtype == "BF16":
            raw = (value.astype("<f4").view(np.uint32) >> 16).astype("<u2").tobytes()
        else:
            raw = value.astype("<f4" if dtype == "F32" else "<f2").tobytes()
        header[name] = {"dtype": dtype, "shape": list(value.shape), "data_offsets": [len(blob), len(blob) + len(raw)]}
        blob += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + blob)


# ---- the encoder ----------------------------------------------------------------------------------------------------
erf = np.vectorize(math.erf)
ACT = {
    "gelu": lambda x: 0.5 * x * (1 + erf(x / math.sqrt(2))),
    "gelu_new": lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "relu": lambda x: np.maximum(x, 0),
}


def norm(x, t, name, eps):
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * t[name + ".weight"] + t[name + ".bias"]


def linear(x, t, name):
    return x @ t[name + ".weight"].T + t[name + ".bias"]


def encode(config, t, prefix, ids, types):
    """The last states of one text, [tokens, hidden]."""
    t = {k[len(prefix) :]: v for k, v in t.items() if k.startswith(prefix)}
    eps, heads = config["layer_norm_eps"], config["num_attention_heads"]
    ids = np.array(ids)
    if config["model_type"] == "xlm-roberta":
        pad = config["pad_token_id"]
        mask = ids != pad
        positions = np.cumsum(mask) * mask + pad
    else:
        positions = np.arange(len(ids))
    x = t["embeddings.word_embeddings.weight"][ids] + t["embeddings.position_embeddings.weight"][positions]
    x = x + t["embeddings.token_type_embeddings.weight"][np.array(types)]
    x = norm(x, t, "embeddings.LayerNorm", eps)
    for n in range(config["num_hidden_layers"]):
        at = f"encoder.layer.{n}."
        split = lambda y: y.reshape(len(ids), heads, -1).transpose(1, 0, 2)
        q, k, v = (split(linear(x, t, at + "attention.self." + part)) for part in ("query", "key", "value"))
        s = q @ k.transpose(0, 2, 1) / math.sqrt(q.shape[-1])
        s = np.exp(s - s.max(-1, keepdims=True))
        s = s / s.sum(-1, keepdims=True)
        c = (s @ v).transpose(1, 0, 2).reshape(len(ids), -1)
        x = norm(linear(c, t, at + "attention.output.dense") + x, t, at + "attention.output.LayerNorm", eps)
        h = ACT[config["hidden_act"]](linear(x, t, at + "intermediate.dense"))
        x = norm(linear(h, t, at + "output.dense") + x, t, at + "output.LayerNorm", eps)
    return x


def read(folder):
    config = json.load(open(os.path.join(folder, "config.json")))
    tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    sentence = os.path.join(folder, "sentence_bert_config.json")
    capacity = config["max_position_embeddings"]
    if config["model_type"] == "xlm-roberta":
        capacity -= config["pad_token_id"] + 1
    limit = json.load(open(sentence))["max_seq_length"] if os.path.exists(sentence) else min(512, capacity)
    tokenizer.no_padding()
    tokenizer.enable_truncation(limit)
    tensors = load(folder)
    prefix = next(p for p in ("", "bert.", "roberta.") if p + "embeddings.word_embeddings.weight" in tensors)
    return config, tokenizer, tensors, prefix


def vectors(folder, texts, prompt=""):
    config, tokenizer, tensors, prefix = read(folder)
    path = os.path.join(folder, "1_Pooling", "config.json")
    cls = os.path.exists(path) and json.load(open(path))["pooling_mode_cls_token"]
    found = []
    for text in texts:
        e = tokenizer.encode(prompt + text)
        types = np.minimum(e.type_ids, config["type_vocab_size"] - 1)
        states = encode(config, tensors, prefix, e.ids, types)
        v = states[0] if cls else states.mean(0)
        found.append((v / np.linalg.norm(v)).round(7).tolist())
    return found


def scores(folder, pairs):
    config, tokenizer, t, prefix = read(folder)
    found = []
    for a, b in pairs:
        e = tokenizer.encode(a, b)
        types = np.minimum(e.type_ids, config["type_vocab_size"] - 1)
        first = encode(config, t, prefix, e.ids, types)[0]
        if config["model_type"] == "bert":
            logit = linear(np.tanh(linear(first, t, "bert.pooler.dense")), t, "classifier")
        else:
            logit = linear(np.tanh(linear(first, t, "classifier.dense")), t, "classifier.out_proj")
        found.append(round(float(1 / (1 + np.exp(-logit[0]))), 7))
    return found


# ---- small random models --------------------------------------------------------------------------------------------
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-.?!,:"
WORDS = "the of to reset password refund delivery days how is it what 退 货 政 策 申 请 款 天".split()
HIDDEN, HEADS, WIDE, POSITIONS = 24, 3, 40, 40


def word_piece():
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"] + WORDS + list(LETTERS) + ["##" + c for c in LETTERS if c.isalnum()]
    tokenizer = Tokenizer(models.WordPiece({w: i for i, w in enumerate(vocab)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    tokenizer.post_processor = processors.TemplateProcessing(
        "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", [("[CLS]", 2), ("[SEP]", 3)])
    return tokenizer, len(vocab)


def unigram():
    pieces = ["▁" + w for w in WORDS if w.isascii()] + [w for w in WORDS if not w.isascii()] + ["▁"] + list(LETTERS)
    vocab = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    vocab += [(p, -2.0 - 0.125 * i) for i, p in enumerate(pieces)]
    tokenizer = Tokenizer(models.Unigram(vocab, unk_id=3))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>"])
    tokenizer.post_processor = processors.TemplateProcessing(
        "<s> $A </s>", "<s> $A </s> </s> $B </s>", [("<s>", 0), ("</s>", 2)])
    return tokenizer, len(vocab)


def tiny(name, family, dtype, act, pooling=None, head=False, parts=1, seed=0):
    folder = os.path.join(OUT, name)
    os.makedirs(folder, exist_ok=True)
    tokenizer, vocab = word_piece() if family == "bert" else unigram()
    config = {
        "model_type": family, "hidden_size": HIDDEN, "num_hidden_layers": 2, "num_attention_heads": HEADS,
        "intermediate_size": WIDE, "vocab_size": vocab, "max_position_embeddings": POSITIONS, "hidden_act": act,
        "type_vocab_size": 2 if family == "bert" else 1, "layer_norm_eps": 1e-12 if family == "bert" else 1e-5,
        "pad_token_id": 0 if family == "bert" else 1, "position_embedding_type": "absolute"}
    if head:
        config["id2label"] = {"0": "LABEL_0"}
    rng = np.random.default_rng(seed)
    prefix = {"bert": "bert.", "xlm-roberta": "roberta."}[family] if head else ""
    t = {}
    def put(name, *shape, around=0.0, scale=0.25):
        t[name] = around + scale * rng.standard_normal(shape)
    def dense(name, out, inp):
        put(name + ".weight", out, inp); put(name + ".bias", out, scale=0.1)
    def layer_norm(name):
        put(name + ".weight", HIDDEN, around=1.0, scale=0.1); put(name + ".bias", HIDDEN, scale=0.1)
    put(prefix + "embeddings.word_embeddings.weight", vocab, HIDDEN, scale=1.0)
    put(prefix + "embeddings.position_embeddings.weight", POSITIONS, HIDDEN)
    put(prefix + "embeddings.token_type_embeddings.weight", config["type_vocab_size"], HIDDEN)
    layer_norm(prefix + "embeddings.LayerNorm")
    for n in range(2):
        at = f"{prefix}encoder.layer.{n}."
        for part in ("query", "key", "value"):
            dense(at + "attention.self." + part, HIDDEN, HIDDEN)
        dense(at + "attention.output.dense", HIDDEN, HIDDEN); layer_norm(at + "attention.output.LayerNorm")
        dense(at + "intermediate.dense", WIDE, HIDDEN)
        dense(at + "output.dense", HIDDEN, WIDE); layer_norm(at + "output.LayerNorm")
    if head and family == "bert":
        dense("bert.pooler.dense", HIDDEN, HIDDEN); dense("classifier", 1, HIDDEN)
    if head and family != "bert":
        dense("classifier.dense", HIDDEN, HIDDEN); dense("classifier.out_proj", 1, HIDDEN)
    json.dump(config, open(os.path.join(folder, "config.json"), "w"), indent=1)
    tokenizer.save(os.path.join(folder, "tokenizer.json"), pretty=False)
    names = list(t)
    if parts == 1:
        save(os.path.join(folder, "model.safetensors"), t, dtype)
    else:
        where = {n: f"model-0000{1 + i % parts}-of-0000{parts}.safetensors" for i, n in enumerate(names)}
        for file in sorted(set(where.values())):
            save(os.path.join(folder, file), {n: t[n] for n in names if where[n] == file}, dtype)
        json.dump({"weight_map": where}, open(os.path.join(folder, "model.safetensors.index.json"), "w"), indent=0)
    if pooling:
        os.makedirs(os.path.join(folder, "1_Pooling"), exist_ok=True)
        modes = {"pooling_mode_cls_token": pooling == "cls", "pooling_mode_mean_tokens": pooling == "mean"}
        json.dump({"word_embedding_dimension": HIDDEN, **modes}, open(os.path.join(folder, "1_Pooling", "config.json"), "w"))
        kinds = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
        modules = [{"path": p, "type": "sentence_transformers.models." + k} for p, k in kinds]
        json.dump(modules, open(os.path.join(folder, "modules.json"), "w"))
    expected = {"texts": TEXTS}
    if head:
        expected = {"pairs": PAIRS, "scores": scores(folder, PAIRS)}
    else:
        expected["vectors"] = vectors(folder, TEXTS)
        expected["query_vectors"] = vectors(folder, TEXTS[:3], "query: ")
    json.dump(expected, open(os.path.join(folder, "expected.json"), "w"), ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    if sys.argv[1:] == ["tiny"]:
        tiny("tiny-bert", "bert", "F32", "gelu", "mean", seed=1)
        tiny("tiny-xlmr", "xlm-roberta", "BF16", "gelu_new", "cls", parts=2, seed=2)
        tiny("tiny-bert-reranker", "bert", "F16", "gelu", head=True, seed=3)
        tiny("tiny-xlmr-reranker", "xlm-roberta", "F16", "relu", head=True, seed=4)
    elif sys.argv[1:2] == ["vectors"] and len(sys.argv) == 4:
        found = {"texts": TEXTS, "vectors": vectors(sys.argv[2], TEXTS)}
        json.dump(found, open(sys.argv[3], "w"), ensure_ascii=False, separators=(",", ":"))
    else:
        sys.exit(__doc__)
